with

days as (
    select * from {{ ref('int_signals__applications_daily') }}
    where {{ stale('report_date') }}
),

settings as (
    {{ signal_settings('no_failures', ['min_bids']) }}
),

final as (
    select
        'no_failures' as rule,
        days.report_date as signal_date,
        'application' as entity_type,
        days.application_key as entity,
        cast(null as {{ dbt.type_string() }}) as other_entity,
        days.application_key,
        settings.severity,
        cast(days.calls as double) as observed,
        settings.min_bids as threshold,
        cast(null as double) as baseline,
        days.calls,
        days.amount_reporting,
        days.first_at,
        days.last_at
    from days
    cross join settings
    where days.calls >= settings.min_bids and days.unanswered = 0
)

select * from final
