{#- An integer whose products may have up to 38 digits. -#}
{% macro wide(number) %}{{ return(adapter.dispatch('wide')(number)) }}{% endmacro %}

{% macro duckdb__wide(number) -%}
    cast({{ number }} as hugeint)
{%- endmacro %}

{% macro spark__wide(number) -%}
    cast({{ number }} as decimal(20, 0))
{%- endmacro %}


{#- The integer quotient of two integers that are not negative. Plain division returns a double. -#}
{% macro whole_division(dividend, divisor) %}
    {{ return(adapter.dispatch('whole_division')(dividend, divisor)) }}
{% endmacro %}

{% macro duckdb__whole_division(dividend, divisor) -%}
    (({{ dividend }}) // {{ divisor }})
{%- endmacro %}

{% macro spark__whole_division(dividend, divisor) -%}
    (({{ dividend }}) div {{ divisor }})
{%- endmacro %}


{#- In a select list: a row for every integer from one to another. -#}
{% macro each_number(first, last) %}{{ return(adapter.dispatch('each_number')(first, last)) }}{% endmacro %}

{% macro duckdb__each_number(first, last) -%}
    cast(unnest(generate_series({{ first }}, {{ last }})) as integer)
{%- endmacro %}

{% macro spark__each_number(first, last) -%}
    explode(sequence({{ first }}, {{ last }}))
{%- endmacro %}
