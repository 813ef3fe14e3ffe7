{#-
    dbt-core 1.11's macro prefixes a model's schema with the target's. Here schemas have the same names on
    every target, since a database holds one project.
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name is not none else target.schema }}
{%- endmacro %}
