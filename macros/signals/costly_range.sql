{#-
    The number type where fraud earns from it: premium, satellite and international network numbers; otherwise
    null.
-#}
{% macro costly_range(number_type) -%}
    case
        when {{ number_type }} in ('premium', 'satellite', 'international_network') then {{ number_type }}
    end
{%- endmacro %}
