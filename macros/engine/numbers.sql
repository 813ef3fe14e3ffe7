{#- The whole part of a quotient of whole numbers that are not negative. Plain division makes a double of them. -#}
{% macro whole_division(dividend, divisor) %}{{ return(adapter.dispatch('whole_division')(dividend, divisor)) }}{% endmacro %}

{% macro duckdb__whole_division(dividend, divisor) -%}
    (({{ dividend }}) // {{ divisor }})
{%- endmacro %}

{% macro spark__whole_division(dividend, divisor) -%}
    (({{ dividend }}) div {{ divisor }})
{%- endmacro %}
