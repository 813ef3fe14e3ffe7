{#- A ratio of two sums as a double; null, not zero or an error, where the denominator is 0. -#}
{% macro ratio(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif({{ denominator }}, 0)
{%- endmacro %}


{#-
    A sum of integers as a bigint, 0 where there is none. An engine's sum has a wider type, which no contract
    accepts.
-#}
{% macro whole(expression) -%}
    cast(coalesce({{ expression }}, 0) as bigint)
{%- endmacro %}
