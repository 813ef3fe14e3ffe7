{#-
    What the marts of quality count of a group of calls, and ratios of these counts.
-#}
{% macro quality_counts() -%}
    count(*) as bids,
    count(*) filter (where is_seizure) as seizures,
    count(*) filter (where is_answered) as answers,
    count(*) filter (where is_network_effective) as network_effective,
    count(*) filter (where is_abandoned) as abandoned,
    count(*) filter (where is_answered and duration_seconds is not null) as timed_answers,
    {{ whole('sum(duration_seconds) filter (where is_answered)') }} as talk_seconds,
    count(*) filter (
        where is_answered and duration_seconds <= {{ var('short_call_seconds') }}
    ) as short_calls,
    count(*) filter (where is_answered and outcome in ('cut_no_credit', 'dropped_error')) as drops,
    count(*) filter (where not is_answered and outcome_side = 'network') as network_failures,
    count(*) filter (where result = 'FAILED') as failed
{%- endmacro %}


{#- Those that are named, or all of them. -#}
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
