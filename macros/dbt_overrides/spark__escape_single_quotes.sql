{#- dbt-spark 1.11's own minds quotes only: a backslash in a text would be read as the start of an escape. -#}
{% macro spark__escape_single_quotes(expression) -%}
    {{ expression | replace('\\', '\\\\') | replace("'", "\\'") }}
{%- endmacro %}
