{#- dbt-spark 1.11's macro escapes only quotes: a backslash in a text would begin an escape. -#}
{% macro spark__escape_single_quotes(expression) -%}
    {{ expression | replace('\\', '\\\\') | replace("'", "\\'") }}
{%- endmacro %}
