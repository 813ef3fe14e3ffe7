{{ incremental_by_day(column='signal_date', looks_back_days=signal_history_days()) }}

{%- set rules = [
    'spend_spike', 'answer_ratio_drop', 'short_call_burst', 'new_destination', 'irsf_like', 'wangiri_like', 'targeted_pumping',
    'toll_free_pumping', 'dialer_like', 'low_trust_number', 'fas_like', 'off_hours_share', 'no_failures',
] %}

with

signals as (
    {% for rule in rules -%}
    select
        rule,
        signal_date,
        entity_type,
        entity,
        other_entity,
        application_key,
        severity,
        observed,
        threshold,
        baseline,
        calls,
        amount_reporting,
        first_at,
        last_at
    from {{ ref('signal_' ~ rule) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

named as (
    select
        *,
        case when other_entity is null then entity else concat(entity, ' > ', other_entity) end as full_entity
    from signals
),

exclusions as (
    select
        rule,
        entity,
        until
    from {{ ref('signal_exclusions') }}
),

final as (
    select
        named.rule,
        named.entity_type,
        named.entity,
        named.other_entity,
        named.application_key,
        named.severity,
        named.observed,
        named.threshold,
        named.baseline,
        named.calls,
        named.amount_reporting,
        coalesce(named.signal_date <= exclusions.until, false) as is_excluded,
        named.signal_date,
        named.first_at,
        named.last_at
    from named
    left join exclusions
        on named.rule = exclusions.rule and named.full_entity = exclusions.entity
    where {{ stale('named.signal_date') }}
)

select * from final
