{{ incremental_by_day() }}

with

calls as (
    select
        user_space_id,
        application_key,
        report_date
    from {{ ref('int_calls__clear') }}
    where {{ stale('report_date') }} and user_space_id is not null
),

final as (
    select distinct
        user_space_id,
        application_key,
        report_date
    from calls
)

select * from final
