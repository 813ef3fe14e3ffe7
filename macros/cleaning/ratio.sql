{#- A ratio of two sums as a double; null, not zero or an error, where the denominator is 0. -#}
{% macro ratio(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif({{ denominator }}, 0)
{%- endmacro %}


{#- A sum of whole numbers as a bigint, 0 where there is none: engines make a wider type of it, which no contract takes. -#}
{% macro whole(expression) -%}
    cast(coalesce({{ expression }}, 0) as bigint)
{%- endmacro %}
