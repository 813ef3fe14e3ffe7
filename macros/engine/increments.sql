{#-
    The unit of fact_calls that a call belongs to. Spark writes whole days: a partition for each file would be
    a tiny file.
-#}
{% macro call_unit(file_id, call_date) %}
    {{ return(adapter.dispatch('call_unit')(file_id, call_date)) }}
{% endmacro %}

{% macro duckdb__call_unit(file_id, call_date) -%}
    concat_ws('|', {{ file_id }}, {{ call_date }})
{%- endmacro %}

{% macro spark__call_unit(file_id, call_date) -%}
    cast({{ call_date }} as string)
{%- endmacro %}


{#- Whether a call belongs to one of those units. -#}
{% macro in_call_units(units_sql) %}{{ return(adapter.dispatch('in_call_units')(units_sql)) }}{% endmacro %}

{% macro duckdb__in_call_units(units_sql) -%}
    (file_id, call_date) in (
        select
            cast(split_part(unit, '|', 1) as bigint),
            cast(split_part(unit, '|', 2) as date)
        from ({{ units_sql }}) as units
    )
{%- endmacro %}

{% macro spark__in_call_units(units_sql) -%}
    call_date in (select cast(unit as date) from ({{ units_sql }}) as units)
{%- endmacro %}


{#-
    Besides: whether it is of a file that has a unit to compute. DuckDB carries no semi-join down through the
    views that fact_calls reads, and would put the whole history into one spelling to throw it away; a
    condition on constants it does. The files are in a variable that insert_stale_rows sets, not in the text,
    which is part of the model's rule.
-#}
{% macro and_of_stale_files() %}{{ return(adapter.dispatch('and_of_stale_files')()) }}{% endmacro %}

{% macro duckdb__and_of_stale_files() -%}
    {%- set files = "cast(getvariable('cdr_stale_files') as bigint[])" -%}
    and file_id >= coalesce(list_min({{ files }}), 0)
    and file_id <= coalesce(list_max({{ files }}), 9223372036854775807)
    and ({{ files }} is null or len({{ files }}) > 100 or list_contains({{ files }}, file_id))
{%- endmacro %}

{% macro spark__and_of_stale_files() %}{% endmacro %}


{#-
    The number of the batch of a day, by the records of the days before it. Spark divides a statement into
    tasks, each of which fits: there all days are one batch.
-#}
{% macro batch_of(records_before) %}{{ return(adapter.dispatch('batch_of')(records_before)) }}{% endmacro %}

{% macro duckdb__batch_of(records_before) -%}
    cast(floor(coalesce({{ records_before }}, 0) / {{ var('calls_at_once', 2500000) }}) as bigint)
{%- endmacro %}

{% macro spark__batch_of(records_before) %}0{% endmacro %}


{#-
    Statements that write rows (unit, part, version, records, batch) into the model's part of the log: stale
    ones in place of all that was logged of their units, done ones in place of the batch. Spark's Parquet
    tables have no deletes: there that part is written whole.
-#}
{% macro write_log(rows_sql, done) %}{{ return(adapter.dispatch('write_log')(rows_sql, done)) }}{% endmacro %}

{% macro duckdb__write_log(rows_sql, done) -%}
    create or replace temp table new_in_log as
    {{ log_rows(rows_sql, done) }};

    delete from {{ build_log() }}
    where model = '{{ this.name }}' and {{ is_replaced('temp.new_in_log', done) }};

    insert into {{ build_log() }}
    select * from temp.new_in_log
{%- endmacro %}

{% macro spark__write_log(rows_sql, done) -%}
    insert overwrite table {{ build_log() }} partition (model)
    select * from {{ build_log() }}
    where model = '{{ this.name }}' and not ({{ is_replaced('(' ~ rows_sql ~ ')', done) }})
    union all
    {{ log_rows(rows_sql, done) }}
{%- endmacro %}

{% macro is_replaced(rows, done) -%}
    {{ is_of_batch() if done else 'unit in (select unit from ' ~ rows ~ ' as rows_to_log)' }}
{%- endmacro %}


{#- What follows the columns in `create table`. DuckDB has no partitions. -#}
{% macro partitioned_by(column) %}{{ return(adapter.dispatch('partitioned_by')(column)) }}{% endmacro %}

{% macro duckdb__partitioned_by(column) %}{% endmacro %}

{% macro spark__partitioned_by(column) -%}
    using parquet partitioned by ({{ column }})
{%- endmacro %}


{#- A statement that takes a model out of the log. -#}
{% macro forget(model_name) %}{{ return(adapter.dispatch('forget')(model_name)) }}{% endmacro %}

{% macro duckdb__forget(model_name) -%}
    delete from {{ build_log() }} where model = '{{ model_name }}'
{%- endmacro %}

{% macro spark__forget(model_name) -%}
    alter table {{ build_log() }} drop if exists partition (model = '{{ model_name }}')
{%- endmacro %}


{#-
    Whether a table keeps its rows from build to build. On Spark, where single rows cannot be deleted, one
    whose rows are replaced by key is rebuilt by each build.
-#}
{% macro table_keeps_rows() %}{{ return(adapter.dispatch('table_keeps_rows')()) }}{% endmacro %}

{% macro duckdb__table_keeps_rows() %}{{ return(true) }}{% endmacro %}

{% macro spark__table_keeps_rows() %}{{ return(not config.get('unique_key')) }}{% endmacro %}


{#-
    A statement that makes a model's table, without rows. On DuckDB its contract is checked first and kept by
    it.
-#}
{% macro create_empty_table(relation, sql) %}
    {{ return(adapter.dispatch('create_empty_table')(relation, sql)) }}
{% endmacro %}

{% macro duckdb__create_empty_table(relation, sql) -%}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
        create table {{ relation }} {{ get_table_columns_and_constraints() }}
    {%- else -%}
        create table {{ relation }} as
        from (
        {{ sql }}
        )
        limit 0
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


{#- A statement that takes the rows of stale units out of the model's table. -#}
{% macro delete_stale_rows() %}{{ return(adapter.dispatch('delete_stale_rows')()) }}{% endmacro %}

{% macro duckdb__delete_stale_rows() -%}
    delete from {{ this }}
    where {{ in_units(model.config.meta.increment.column, units_not_done()) }}
{%- endmacro %}

{#- The partitions are dropped, so that a day or file without rows leaves nothing behind. -#}
{% macro spark__delete_stale_rows() -%}
    {%- set increment = model.config.meta.increment -%}
    {%- set partitions = [] -%}
    {%- for unit in query_texts(units_not_done()) -%}
        {%- set value = unit if increment.unit == 'file_id' else "date '" ~ unit ~ "'" -%}
        {%- do partitions.append("partition (" ~ increment.column ~ " = " ~ value ~ ")") -%}
    {%- endfor -%}
    alter table {{ this }} drop if exists {{ partitions | join(', ') }}
{%- endmacro %}


{#-
    A statement that computes the rows of the batch and puts them into the table. Where rows have a key, rows
    of other units with the same one go. Spark puts whole partitions in place: what a killed build left in one
    is overwritten.
-#}
{% macro insert_stale_rows(sql) %}{{ return(adapter.dispatch('insert_stale_rows')(sql)) }}{% endmacro %}

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
            from ({{ units_to_compute() }}) as units
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


{#-
    Runs a model's steps in their order as dbt's statement `main`: on DuckDB one script, on Spark each by
    itself.
-#}
{% macro run_as_main(steps) %}{{ return(adapter.dispatch('run_as_main')(steps)) }}{% endmacro %}

{% macro duckdb__run_as_main(steps) %}
    {% call statement('main') %}{{ steps | join('\n;\n\n') }}{% endcall %}
{% endmacro %}

{% macro spark__run_as_main(steps) %}
    {#- So that only the partitions that get rows are overwritten, whatever the profile says. -#}
    {% do in_transaction("set spark.sql.sources.partitionOverwriteMode = dynamic") %}
    {% for step in steps %}
        {% call statement('main' if loop.last else none) %}{{ step }}{% endcall %}
    {% endfor %}
{% endmacro %}


{#-
    Makes the table of queries that `cdr verify` asks: of each model the versions of its units. It does not
    read Spark.
-#}
{% macro create_build_queries() %}{{ return(adapter.dispatch('create_build_queries')()) }}{% endmacro %}

{% macro duckdb__create_build_queries() %}
    {% set create %}
        create table if not exists {{ build_queries() }} (
            model text,
            relation text,
            unit text,
            query text
        )
    {% endset %}
    {% do run_query(create) %}
{% endmacro %}

{% macro spark__create_build_queries() %}{% endmacro %}


{#- The relation of that table. -#}
{% macro build_queries() %}
    {{ return(build_log().incorporate(path={'identifier': 'build_queries'})) }}
{% endmacro %}


{#-
    Statements that keep the model's query there, with its table and the expression of a row's unit, by which
    its rows are counted.
-#}
{% macro keep_query(query) %}{{ return(adapter.dispatch('keep_query')(query)) }}{% endmacro %}

{% macro duckdb__keep_query(query) -%}
    {#- Rows that are replaced by key belong to other files than those that are done. -#}
    {%- set unit = '' if config.get('unique_key') else unit_of_row() -%}
    {%- set query = query | replace(adapter.quote(this.database) ~ '.', '') -%}
    {%- set texts = [this.name, this.include(database=false) | string, unit, query] -%}
    {%- set row = "'" ~ texts | map('replace', "'", "''") | join("', '") ~ "'" -%}
    delete from {{ build_queries() }}
    where model = '{{ this.name }}' and (model, relation, unit, query) <> ({{ row }});

    insert into {{ build_queries() }}
    select {{ row }} except select * from {{ build_queries() }}
{%- endmacro %}

{% macro spark__keep_query(query) %}{{ return('') }}{% endmacro %}


{#- SQL of a text that changes with names and types of the columns of models' tables. -#}
{% macro columns_of(nodes) %}{{ return(adapter.dispatch('columns_of')(nodes)) }}{% endmacro %}

{% macro duckdb__columns_of(nodes) -%}
    (
        select {{ fingerprint("concat_ws('|', schema_name, table_name, column_name, data_type)") }}
        from duckdb_columns()
        where
            database_name = current_database()
            and table_name in ('{{ nodes | map(attribute='alias') | join("', '") }}')
    )
{%- endmacro %}

{% macro spark__columns_of(nodes) -%}
    {%- set columns = [] -%}
    {%- for node in nodes -%}
        {%- set relation = api.Relation.create(schema=node.schema, identifier=node.alias) -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do columns.append([node.alias, column.name, column.dtype] | join('|')) -%}
        {%- endfor -%}
    {%- endfor -%}
    '{{ local_md5(columns | join) }}'
{%- endmacro %}


{#- Puts the rows of a query in the place of a table that the query itself may read. -#}
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
