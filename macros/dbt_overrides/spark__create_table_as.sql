{#-
    dbt-spark 1.11's own, which makes and fills a table in one statement. A build that is killed there leaves
    files where there is no table, and Spark refuses to make a table on them. Here the table is made empty,
    then filled. Models of other packages come here, too, and find this project's macros by its name only.
-#}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if temporary -%}
        {{ create_temporary_view(relation, compiled_code) }}
    {%- else -%}
        {%- call statement('create_empty_table') -%}
            {{ sinch_cdr.spark__create_empty_table(relation, compiled_code) }}
        {%- endcall -%}
        insert into {{ relation }} by name
        {{ compiled_code }}
    {%- endif -%}
{%- endmacro %}
