{#-
    Whether a model's table keeps its rows from build to build. Spark cannot delete single rows: there each
    build rebuilds a table whose rows are replaced by key.
-#}
{% macro table_keeps_rows() %}{{ return(adapter.dispatch('table_keeps_rows', 'sinch_cdr')()) }}{% endmacro %}

{% macro duckdb__table_keeps_rows() %}{{ return(true) }}{% endmacro %}

{% macro spark__table_keeps_rows() %}{{ return(not config.get('unique_key')) }}{% endmacro %}


{#-
    A statement that creates a model's table without rows. Its contract is checked first; DuckDB's table
    enforces it.
-#}
{% macro create_empty_table(relation, sql) %}
    {{ return(adapter.dispatch('create_empty_table', 'sinch_cdr')(relation, sql)) }}
{% endmacro %}

{% macro duckdb__create_empty_table(relation, sql) -%}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
        create table {{ relation }} {{ get_table_columns_and_constraints() }}
    {%- else -%}
        {#-
            Not `as … limit 0`: while the process lasts, DuckDB 2.0 then finds no row of an insert of more
            than 122,880 by a condition. Nor adapter.get_column_schema_from_query, which in dbt 2.0.0a4 makes
            a bigint an integer, and a decimal a double.
        -#}
        {%- set described = run_query('describe ' ~ sql).rows if execute else [] %}
        create table {{ relation }} (
            {%- for column in described %}
            {{ adapter.quote(column[0]) }} {{ column[1] }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
    {%- endif -%}
{%- endmacro %}

{#- Partition columns come last, whatever the order is in the SQL. -#}
{% macro spark__create_empty_table(relation, sql) -%}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
        {%- set sql = get_select_subquery(sql) -%}
    {%- endif %}
    create table {{ relation }} (
        {%- for column in adapter.get_column_schema_from_query(sql) %}
        {{ column.quoted }} {{ column.dtype }}{{ ',' if not loop.last }}
        {%- endfor %}
    )
    using {{ config.get('file_format', 'parquet') }}
    {{ partition_cols(label='partitioned by') }}
    {{ comment_clause() }}
{%- endmacro %}


{#- A statement that deletes the rows of stale units from the model's table. -#}
{% macro delete_stale_rows() %}
    {{ return(adapter.dispatch('delete_stale_rows', 'sinch_cdr')()) }}
{% endmacro %}

{% macro duckdb__delete_stale_rows() -%}
    delete from {{ this }}
    where {{ sinch_cdr.in_units(model.config.meta.increment.column, sinch_cdr.units_not_done()) }}
{%- endmacro %}

{#- Partitions are dropped: an overwrite without rows would leave them. -#}
{% macro spark__delete_stale_rows() -%}
    {%- set increment = model.config.meta.increment -%}
    {%- set partitions = [] -%}
    {%- for unit in sinch_cdr.query_texts(sinch_cdr.units_not_done()) -%}
        {%- set value = unit if increment.unit == 'file_id' else "date '" ~ unit ~ "'" -%}
        {%- do partitions.append("partition (" ~ increment.column ~ " = " ~ value ~ ")") -%}
    {%- endfor -%}
    alter table {{ this }} drop if exists {{ partitions | join(', ') }}
{%- endmacro %}


{#-
    A statement that computes the rows of the batch and inserts them into the table. Where rows have a key,
    they replace rows of other units with the same one. Spark overwrites whole partitions, with what a
    killed build left in them.
-#}
{% macro insert_stale_rows(sql) %}
    {{ return(adapter.dispatch('insert_stale_rows', 'sinch_cdr')(sql)) }}
{% endmacro %}

{% macro duckdb__insert_stale_rows(sql) -%}
    {%- set key = config.get('unique_key') -%}
    {%- if key -%}
        create or replace temp table new_rows as
        {{ sql }};

        delete from {{ this }}
        where {{ key }} in (select {{ key }} from temp.new_rows);

        insert into {{ this }} by name
        select * from temp.new_rows
    {%- else -%}
        {%- if model.config.meta.increment.unit == 'call' %}
        set variable cdr_stale_files = (
            select list(distinct cast(split_part(unit, '|', 1) as bigint))
            from ({{ sinch_cdr.units_to_compute() }}) as units
        );

        {% endif -%}
        insert into {{ this }} by name
        {{ sql }}
    {%- endif -%}
{%- endmacro %}

{% macro spark__insert_stale_rows(sql) -%}
    insert overwrite table {{ this }} by name
    {{ sql }}
{%- endmacro %}


{#- Runs a model's steps in order as dbt's statement `main`: on DuckDB one script, on Spark one by one. -#}
{% macro run_as_main(steps) %}{{ return(adapter.dispatch('run_as_main', 'sinch_cdr')(steps)) }}{% endmacro %}

{% macro duckdb__run_as_main(steps) %}
    {% call statement('main') %}{{ steps | join('\n;\n\n') }}{% endcall %}
{% endmacro %}

{% macro spark__run_as_main(steps) %}
    {#- Overwrites only the partitions that get rows, whatever the profile sets. -#}
    {% do sinch_cdr.in_transaction("set spark.sql.sources.partitionOverwriteMode = dynamic") %}
    {% for step in steps %}
        {% call statement('main' if loop.last else none) %}{{ step }}{% endcall %}
    {% endfor %}
{% endmacro %}


{#- Replaces a table by the rows of a query that may read it. -#}
{% macro replace_rows(relation, query) %}
    {{ return(adapter.dispatch('replace_rows')(relation, query)) }}
{% endmacro %}

{% macro duckdb__replace_rows(relation, query) %}
    {% do run_query("create or replace table " ~ relation ~ " as " ~ query) %}
{% endmacro %}

{#- Spark cannot write a table that it reads. A kill between these statements loses the table. -#}
{% macro spark__replace_rows(relation, query) %}
    {% set new = relation.incorporate(path={'identifier': relation.identifier ~ '_new'}) %}
    {% do run_query("drop table if exists " ~ new) %}
    {% do run_query("create table " ~ new ~ " as " ~ query) %}
    {% do run_query("drop table if exists " ~ relation) %}
    {% do run_query("alter table " ~ new ~ " rename to " ~ relation) %}
{% endmacro %}


{#-
    A statement that deletes rows of a table. Spark's Parquet tables have no deletes: who reads such a table
    there leaves these rows out.
-#}
{% macro delete_rows(relation, condition) %}
    {{ return(adapter.dispatch('delete_rows')(relation, condition)) }}
{% endmacro %}

{% macro duckdb__delete_rows(relation, condition) -%}
    delete from {{ relation }} where {{ condition }}
{%- endmacro %}

{% macro spark__delete_rows(relation, condition) %}{{ return('') }}{% endmacro %}
