{#-
    dbt-spark 1.11's macro creates and fills a table in one statement. A build that is killed then leaves
    files without a table, and Spark refuses to create a table on them. This one creates the table empty,
    then fills it. Models of other packages use it, too, and find this project's macros only by its name.
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
