{#- The number type where it is one that fraud earns from: premium, satellite and international network numbers; else null. -#}
{% macro costly_range(number_type) -%}
    case when {{ number_type }} in ('premium', 'satellite', 'international_network') then {{ number_type }} end
{%- endmacro %}
