with

callers as (
    select * from {{ ref('int_signals__callers_daily') }}
    where {{ stale('report_date') }}
),

settings as (
    {{ signal_settings('low_trust_number', ['z', 'max_share', 'min_answers']) }}
),

bounded as (
    select
        callers.*,
        settings.severity,
        settings.max_share,
        {{ wilson_lower('callers.short_answers', 'callers.timed_answers', 'settings.z') }} as lower_bound
    from callers
    cross join settings
    where callers.timed_answers >= settings.min_answers
),

final as (
    select
        'low_trust_number' as rule,
        report_date as signal_date,
        'caller' as entity_type,
        caller as entity,
        cast(null as {{ dbt.type_string() }}) as other_entity,
        application_key,
        severity,
        lower_bound as observed,
        max_share as threshold,
        cast(null as double) as baseline,
        calls,
        amount_reporting,
        first_at,
        last_at
    from bounded
    where lower_bound > max_share
)

select * from final
