{#- What marts count of a group of calls: the counts that are named, or all of them. -#}
{% macro quality_counts(names=none) -%}
    {%- set counts = {
        'bids': 'count(*)',
        'seizures': 'count(*) filter (where is_seizure)',
        'answers': 'count(*) filter (where is_answered)',
        'network_effective': 'count(*) filter (where is_network_effective)',
        'abandoned': 'count(*) filter (where is_abandoned)',
        'timed_answers': 'count(duration_seconds) filter (where is_answered)',
        'talk_seconds': whole('sum(duration_seconds) filter (where is_answered)'),
        'short_calls':
            'count(*) filter (where is_answered and duration_seconds <= ' ~ var('short_call_seconds') ~ ')',
        'drops': "count(*) filter (where is_answered and outcome in ('cut_no_credit', 'dropped_error'))",
        'network_failures': "count(*) filter (where not is_answered and outcome_side = 'network')",
        'failed': "count(*) filter (where result = 'FAILED')",
    } -%}
    {%- for name in names or counts %}
    {{ counts[name] }} as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#- Ratios of these counts: those that are named, or all of them. -#}
{% macro quality_ratios(names=none) -%}
    {%- set ratios = {
        'abr': ('answers', 'bids'),
        'asr': ('answers', 'seizures'),
        'ner': ('network_effective', 'seizures'),
        'ner_excl_abandoned': ('network_effective - abandoned', 'seizures - abandoned'),
        'aloc_seconds': ('talk_seconds', 'timed_answers'),
        'short_call_ratio': ('short_calls', 'timed_answers'),
        'drop_ratio': ('drops', 'answers'),
        'network_failure_ratio': ('network_failures', 'bids'),
        'failed_ratio': ('failed', 'bids'),
    } -%}
    {%- for name in names or ratios %}
    {{ ratio(*ratios[name]) }} as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
