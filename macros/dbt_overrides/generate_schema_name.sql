{#-
    dbt's default__generate_schema_name (dbt-core 1.11), which puts the target's schema in front of a model's
    own. Here schemas have the same name on every target, since one database holds one project.
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name is not none else target.schema }}
{%- endmacro %}
