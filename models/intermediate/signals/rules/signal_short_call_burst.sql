with

settings as (
    {{ signal_settings('short_call_burst', ['z', 'max_share', 'min_answers']) }}
),

destinations as (
    select
        'application_country' as entity_type,
        application_key as entity,
        destination_country as other_entity,
        application_key,
        cast(sum(timed_answers) as bigint) as timed_answers,
        cast(sum(short_answers) as bigint) as short_answers,
        cast(sum(calls) as bigint) as calls,
        cast(sum(amount_reporting) as decimal(38, 6)) as amount_reporting,
        report_date,
        min(first_at) as first_at,
        max(last_at) as last_at
    from {{ ref('int_signals__destinations_daily') }}
    where
        application_key is not null
        and destination_country is not null
        and {{ stale('report_date') }}
    group by
        application_key,
        destination_country,
        report_date
),

callers as (
    select
        'caller' as entity_type,
        caller as entity,
        cast(null as {{ dbt.type_string() }}) as other_entity,
        application_key,
        timed_answers,
        burst_answers as short_answers,
        calls,
        amount_reporting,
        report_date,
        first_at,
        last_at
    from {{ ref('int_signals__callers_daily') }}
    where {{ stale('report_date') }}
),

entities as (
    select
        entity_type,
        entity,
        other_entity,
        application_key,
        timed_answers,
        short_answers,
        calls,
        amount_reporting,
        report_date,
        first_at,
        last_at
    from destinations

    union all

    select
        entity_type,
        entity,
        other_entity,
        application_key,
        timed_answers,
        short_answers,
        calls,
        amount_reporting,
        report_date,
        first_at,
        last_at
    from callers
),

bounded as (
    select
        entities.*,
        settings.severity,
        settings.max_share,
        {{ wilson_lower('entities.short_answers', 'entities.timed_answers', 'settings.z') }} as lower_bound
    from entities
    cross join settings
    where entities.timed_answers >= settings.min_answers
),

final as (
    select
        'short_call_burst' as rule,
        report_date as signal_date,
        entity_type,
        entity,
        other_entity,
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
