{#-
    dbt's get_where_subquery (dbt-core 1.11), which puts the `where` of a test around the table that it reads.
    Here the word `changed` there stands for what was written lately (macros/incremental/test_scope.sql).
-#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where') or 'true' -%}
    {%- if where == 'changed' -%}
        {%- set where = lately_changed(relation.identifier) -%}
    {%- endif -%}
    {%- if where == 'true' -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- do return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') as dbt_subquery') -%}
{%- endmacro %}
