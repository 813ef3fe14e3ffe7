with

pairs as (
    select * from {{ ref('int_signals__pairs_daily') }}
    where {{ stale('report_date') }}
),

settings as (
    {{ signal_settings('targeted_pumping', ['min_calls']) }}
),

final as (
    select
        'targeted_pumping' as rule,
        pairs.report_date as signal_date,
        'caller_callee' as entity_type,
        pairs.caller as entity,
        pairs.callee as other_entity,
        pairs.application_key,
        settings.severity,
        cast(pairs.calls as double) as observed,
        settings.min_calls as threshold,
        cast(null as double) as baseline,
        pairs.calls,
        pairs.amount_reporting,
        pairs.first_at,
        pairs.last_at
    from pairs
    cross join settings
    where pairs.calls >= settings.min_calls
)

select * from final
