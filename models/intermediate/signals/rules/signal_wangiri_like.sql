with

callers as (
    select * from {{ ref('int_signals__callers_daily') }}
    where {{ stale('report_date') }}
),

settings as (
    {{ signal_settings('wangiri_like', ['min_callees', 'max_median_seconds']) }}
),

final as (
    select
        'wangiri_like' as rule,
        callers.report_date as signal_date,
        'caller' as entity_type,
        callers.caller as entity,
        cast(null as {{ dbt.type_string() }}) as other_entity,
        callers.application_key,
        settings.severity,
        cast(callers.distinct_callees as double) as observed,
        settings.min_callees as threshold,
        cast(null as double) as baseline,
        callers.calls,
        callers.amount_reporting,
        callers.first_at,
        callers.last_at
    from callers
    cross join settings
    where
        callers.distinct_callees >= settings.min_callees
        and callers.median_seconds <= settings.max_median_seconds
)

select * from final
