{#-
    dbt-core 1.11's macro applies the `where` of a test to the table that it reads. Here `where: changed`
    means the rows written lately (macros/incremental/test_scope.sql).
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
