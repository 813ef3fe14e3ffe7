{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        user_id,
        amount_reporting,
        report_date,
        called_at
    from {{ ref('int_calls__clear') }}
    where user_id is not null and amount_reporting is not null and {{ stale('report_date') }}
),

final as (
    select
        application_key,
        user_id,
        count(*) as calls,
        cast(sum(amount_reporting) as decimal(38, 6)) as amount_reporting,
        report_date,
        min(called_at) as first_at,
        max(called_at) as last_at
    from calls
    group by
        application_key,
        user_id,
        report_date
)

select * from final
