{#-
    A query with one row: the severity and the named thresholds of a rule, from the seed signal_rules. A rule
    that is off has no row, so that a join with it finds nothing; with `also_off` it has one.
-#}
{% macro signal_settings(rule, thresholds, also_off=false) %}
    select
        max(case when setting = 'severity' then value end) as severity
        {%- for threshold in thresholds %},
        max(case when setting = '{{ threshold }}' then cast(value as double) end) as {{ threshold }}
        {%- endfor %}
    from {{ ref('signal_rules') }}
    where
        rule = '{{ rule }}'
        and setting in ('enabled', 'severity', '{{ thresholds | join("', '") }}')
    {% if not also_off -%}
    having max(case when setting = 'enabled' then value end) = 'true'
    {%- endif %}
{% endmacro %}
