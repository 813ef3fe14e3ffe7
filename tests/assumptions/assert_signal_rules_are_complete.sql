-- The seed has a valid value for every setting that the rules of mart_signals read: a rule without one would
-- be silent.
{{ config(tags=['constant']) }}
{%- set settings = {
    'spend_spike': ['enabled', 'severity', 'mad_factor', 'min_mad', 'median_factor', 'floor', 'min_days', 'short_min_days', 'short_median_factor'],
    'answer_ratio_drop': ['enabled', 'severity', 'z', 'spread', 'min_seizures'],
    'short_call_burst': ['enabled', 'severity', 'short_seconds', 'z', 'max_share', 'min_answers'],
    'new_destination': ['enabled', 'severity', 'floor', 'min_days', 'full_days', 'short_floor_factor'],
    'irsf_like': ['enabled', 'severity', 'floor_minutes', 'silent_days'],
    'wangiri_like': ['enabled', 'severity', 'min_callees', 'max_median_seconds'],
    'targeted_pumping': ['enabled', 'severity', 'min_calls'],
    'toll_free_pumping': ['enabled', 'severity', 'mad_factor', 'min_mad', 'median_factor', 'floor_calls', 'floor_minutes', 'min_days', 'min_repeated_share'],
    'dialer_like': ['enabled', 'severity', 'engaged_seconds', 'min_answers', 'min_share'],
    'low_trust_number': ['enabled', 'severity', 'short_seconds', 'z', 'max_share', 'min_answers'],
    'fas_like': ['enabled', 'severity', 'min_bids', 'fast_seconds', 'min_fast_share', 'max_norm', 'short_seconds', 'mad_factor', 'min_mad', 'min_days'],
    'off_hours_share': ['enabled', 'severity', 'z', 'spread', 'min_calls', 'night_from', 'night_until'],
    'no_failures': ['enabled', 'severity', 'min_bids'],
} %}

with

expected as (
    {% for rule, names in settings.items() -%}
    {% set last_rule = loop.last -%}
    {% for name in names -%}
    select
        '{{ rule }}' as rule,
        '{{ name }}' as setting
    {{ 'union all' if not (last_rule and loop.last) }}
    {% endfor -%}
    {% endfor %}
),

found as (
    select
        rule,
        setting,
        value
    from {{ ref('signal_rules') }}
)

select
    expected.rule,
    expected.setting,
    found.value
from expected
left join found
    on expected.rule = found.rule and expected.setting = found.setting
where
    -- with --empty the seed has no rows
    {{ not flags.EMPTY }}
    and (
        found.value is null
        or (expected.setting = 'enabled' and found.value not in ('true', 'false'))
        or (expected.setting = 'severity' and found.value not in ('info', 'warn', 'critical'))
        or (expected.setting not in ('enabled', 'severity') and try_cast(found.value as double) is null)
    )
