{#-
    The last day for which the variable feed_expected_until expects files, as a date literal; a date before
    every file where it is not set.
-#}
{% macro feed_expected_until() -%}
    {%- set until = var('feed_expected_until') -%}
    {%- if until in [none, ''] -%}
        date '1970-01-01'
    {%- elif until == 'yesterday' -%}
        date '{{ (run_started_at - modules.datetime.timedelta(days=1)).strftime("%Y-%m-%d") }}'
    {%- elif modules.re.match('[0-9]{4}-[0-9]{2}-[0-9]{2}$', until | string) -%}
        date '{{ until }}'
    {%- else -%}
        {%- set remedy = "set it to a date as 2026-11-22, or to yesterday" -%}
        {{ exceptions.raise_compiler_error("feed_expected_until is '" ~ until ~ "': " ~ remedy) }}
    {%- endif -%}
{%- endmacro %}
