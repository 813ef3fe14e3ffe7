with

observed as (
    select
        user_space_id,
        application_key,
        report_date
    from {{ ref('int_user_spaces__daily') }}
),

final as (
    select
        user_space_id,
        count(distinct application_key) as application_count,
        min(report_date) as first_report_date,
        max(report_date) as last_report_date
    from observed
    group by user_space_id
)

select * from final
