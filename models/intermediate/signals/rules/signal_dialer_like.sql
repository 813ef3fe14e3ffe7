with

callers as (
    select * from {{ ref('int_signals__callers_daily') }}
    where {{ stale('report_date') }}
),

settings as (
    {{ signal_settings('dialer_like', ['engaged_seconds', 'min_answers', 'min_share']) }}
),

shares as (
    select
        callers.*,
        settings.severity,
        settings.min_share,
        {{ ratio('callers.unengaged_answers', 'callers.timed_answers') }} as unengaged_share
    from callers
    cross join settings
    where
        callers.timed_answers >= settings.min_answers
        and callers.talk_seconds < settings.engaged_seconds * callers.timed_answers
),

final as (
    select
        'dialer_like' as rule,
        report_date as signal_date,
        'caller' as entity_type,
        caller as entity,
        cast(null as {{ dbt.type_string() }}) as other_entity,
        application_key,
        severity,
        unengaged_share as observed,
        min_share as threshold,
        cast(null as double) as baseline,
        calls,
        amount_reporting,
        first_at,
        last_at
    from shares
    where unengaged_share >= min_share
)

select * from final
