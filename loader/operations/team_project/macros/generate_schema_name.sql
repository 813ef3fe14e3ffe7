{#- The package's rule for our own seeds and models too: reference, marts, without a prefix. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
{{ return(sinch_cdr.generate_schema_name(custom_schema_name, node)) }}
{%- endmacro %}
