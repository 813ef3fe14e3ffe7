with

applications as (
    select
        {{ guid('application_key') }} as application_key,
        application_name,
        description
    from {{ ref('applications') }}
),

observed as (
    select
        application_key,
        min(report_date) as first_report_date,
        max(report_date) as last_report_date
    from {{ ref('mart_quality_daily') }}
    where application_key is not null
    group by application_key
),

final as (
    select
        coalesce(applications.application_key, observed.application_key) as application_key,
        applications.application_name,
        applications.description,
        applications.application_key is not null as is_known,
        observed.first_report_date,
        observed.last_report_date
    from applications
    full outer join observed
        on applications.application_key = observed.application_key
)

select * from final
