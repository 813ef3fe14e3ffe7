{#-
    The number of the batch of a day, by the records of the days before it. Spark splits a statement into
    tasks that fit: all days are one batch there.
-#}
{% macro batch_of(records_before) %}
    {{ return(adapter.dispatch('batch_of', 'sinch_cdr')(records_before)) }}
{% endmacro %}

{% macro duckdb__batch_of(records_before) -%}
    cast(floor(coalesce({{ records_before }}, 0) / {{ var('calls_at_once', 2500000) }}) as bigint)
{%- endmacro %}

{% macro spark__batch_of(records_before) %}0{% endmacro %}


{#-
    Statements that write rows (unit, part, version, records, batch) into the model's part of the log: stale
    ones replace all rows of their units, done ones replace the batch. Spark's Parquet tables have no deletes:
    there the model's part is written whole.
-#}
{% macro write_log(rows_sql, done) %}
    {{ return(adapter.dispatch('write_log', 'sinch_cdr')(rows_sql, done)) }}
{% endmacro %}

{% macro duckdb__write_log(rows_sql, done) -%}
    create or replace temp table new_in_log as
    {{ sinch_cdr.log_rows(rows_sql, done) }};

    delete from {{ sinch_cdr.build_log() }}
    where model = '{{ this.name }}' and {{ sinch_cdr.is_replaced('temp.new_in_log', done) }};

    insert into {{ sinch_cdr.build_log() }}
    select * from temp.new_in_log
{%- endmacro %}

{% macro spark__write_log(rows_sql, done) -%}
    insert overwrite table {{ sinch_cdr.build_log() }} partition (model)
    select * from {{ sinch_cdr.build_log() }}
    where model = '{{ this.name }}' and not ({{ sinch_cdr.is_replaced('(' ~ rows_sql ~ ')', done) }})
    union all
    {{ sinch_cdr.log_rows(rows_sql, done) }}
{%- endmacro %}

{% macro is_replaced(rows, done) -%}
    {{ sinch_cdr.is_of_batch() if done else 'unit in (select unit from ' ~ rows ~ ' as rows_to_log)' }}
{%- endmacro %}


{#- Logs stale units, and returns how many there are and in how many batches. -#}
{% macro log_stale(rows_sql) %}
    {{ return(adapter.dispatch('log_stale', 'sinch_cdr')(rows_sql)) }}
{% endmacro %}

{#- One statement: dbt takes longer for each than DuckDB. -#}
{% macro duckdb__log_stale(rows_sql) %}
    {% set statements = [sinch_cdr.write_log(rows_sql, done=false), sinch_cdr.stale_counted()] %}
    {{ return(sinch_cdr.first_row(statements | join(';\n\n'))) }}
{% endmacro %}

{% macro spark__log_stale(rows_sql) %}
    {% do sinch_cdr.in_transaction(sinch_cdr.write_log(rows_sql, done=false)) %}
    {{ return(sinch_cdr.first_row(sinch_cdr.stale_counted())) }}
{% endmacro %}


{#- A statement that removes a model from the log. -#}
{% macro forget(model_name) %}{{ return(adapter.dispatch('forget', 'sinch_cdr')(model_name)) }}{% endmacro %}

{% macro duckdb__forget(model_name) -%}
    delete from {{ sinch_cdr.build_log() }} where model = '{{ model_name }}'
{%- endmacro %}

{% macro spark__forget(model_name) -%}
    alter table {{ sinch_cdr.build_log() }} drop if exists partition (model = '{{ model_name }}')
{%- endmacro %}


{#- What follows the columns in `create table`. DuckDB has no partitions. -#}
{% macro partitioned_by(column) %}{{ return(adapter.dispatch('partitioned_by')(column)) }}{% endmacro %}

{% macro duckdb__partitioned_by(column) %}{% endmacro %}

{% macro spark__partitioned_by(column) -%}
    using parquet partitioned by ({{ column }})
{%- endmacro %}


{#-
    Creates the table of queries that `cdr verify` runs: for each model, the versions of its units. It does
    not read Spark.
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
    {#- Those of an earlier version may no longer be. The graph is empty while unit tests are compiled. -#}
    {% set models = graph.get('nodes', {}).values()
        | selectattr('config.materialized', 'equalto', 'incremental_by_unit') | map(attribute='name') %}
    {% set names = "'" ~ models | join("', '") ~ "'" %}
    {% if names != "''" %}
        {% do run_query("delete from " ~ build_queries() ~ " where model not in (" ~ names ~ ")") %}
    {% endif %}
{% endmacro %}

{% macro spark__create_build_queries() %}{% endmacro %}


{#- The relation of that table. -#}
{% macro build_queries() %}
    {{ return(sinch_cdr.build_log().incorporate(path={'identifier': 'build_queries'})) }}
{% endmacro %}


{#-
    Statements that keep the model's query there, with its table and the expression of a row's unit, which
    counts its rows.
-#}
{% macro keep_query(query) %}{{ return(adapter.dispatch('keep_query', 'sinch_cdr')(query)) }}{% endmacro %}

{% macro duckdb__keep_query(query) -%}
    {#- Rows that are replaced by key belong to other files than those computed. -#}
    {%- set unit = '' if config.get('unique_key') else sinch_cdr.unit_of_row() -%}
    {%- set query = query | replace(adapter.quote(this.database) ~ '.', '') -%}
    {%- set texts = [this.name, this.include(database=false) | string, unit, query] -%}
    {%- set row = "'" ~ texts | map('replace', "'", "''") | join("', '") ~ "'" -%}
    delete from {{ sinch_cdr.build_queries() }}
    where model = '{{ this.name }}' and (model, relation, unit, query) <> ({{ row }});

    insert into {{ sinch_cdr.build_queries() }}
    select {{ row }} except select * from {{ sinch_cdr.build_queries() }}
{%- endmacro %}

{% macro spark__keep_query(query) %}{{ return('') }}{% endmacro %}


{#- SQL of a text that changes with the names and types of the columns of models' tables. -#}
{% macro columns_of(nodes) %}{{ return(adapter.dispatch('columns_of', 'sinch_cdr')(nodes)) }}{% endmacro %}

{% macro duckdb__columns_of(nodes) -%}
    (
        select {{ sinch_cdr.fingerprint("concat_ws('|', schema_name, table_name, column_name, data_type)") }}
        from duckdb_columns()
        where
            database_name in ('{{ this.database }}', current_database())
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
