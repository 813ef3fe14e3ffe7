{% macro personal(column, as_json=false) -%}
    {{ column }}
{%- endmacro %}
{% macro pii_settings() %}clear{% endmacro %}
