{#- The unit of fact_calls that a call belongs to. Spark writes whole days: a partition for each file would be a tiny file. -#}
{% macro call_unit(file_id, call_date) %}{{ return(adapter.dispatch('call_unit')(file_id, call_date)) }}{% endmacro %}

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
    Besides: whether it is of a file that has a unit to write. DuckDB carries no semi-join down through the views that fact_calls reads, and would put the whole
    history into one spelling to throw it away; a condition on constants it does. The files are in a variable of the session, not in the text, which is part of
    the model's rule.
-#}
{% macro and_of_stale_files() %}{{ return(adapter.dispatch('and_of_stale_files')()) }}{% endmacro %}

{% macro duckdb__and_of_stale_files() -%}
    {%- set files = "cast(getvariable('cdr_stale_files') as bigint[])" -%}
    {#- Without a hook before it (dbt show) there is no such variable, and every file counts. -#}
    and file_id between coalesce(list_min({{ files }}), 0) and coalesce(list_max({{ files }}), 9223372036854775807)
    and ({{ files }} is null or len({{ files }}) > 100 or list_contains({{ files }}, file_id))
{%- endmacro %}

{% macro spark__and_of_stale_files() %}{% endmacro %}


{% macro remember_stale_files() %}{{ return(adapter.dispatch('remember_stale_files')()) }}{% endmacro %}

{% macro duckdb__remember_stale_files() %}
    {% set files = "select list(distinct cast(split_part(unit, '|', 1) as bigint)) from (" ~ units_not_done() ~ ") as units" %}
    {% do in_transaction("set variable cdr_stale_files = (" ~ files ~ ")") %}
{% endmacro %}

{% macro spark__remember_stale_files() %}{% endmacro %}


{#- Takes the rows of the units that are not done out of the model's table, or `everything`. -#}
{% macro delete_units(everything) %}{{ return(adapter.dispatch('delete_units')(everything)) }}{% endmacro %}

{% macro duckdb__delete_units(everything) -%}
    delete from {{ this }}{% if not everything %} where {{ is_begun_row() }}{% endif %}
{%- endmacro %}

{#- The partitions are dropped, so that a day or file without rows leaves nothing behind. -#}
{% macro spark__delete_units(everything) -%}
    {%- if everything -%}
        truncate table {{ this }}
    {%- else -%}
        {%- set increment = model.config.meta.increment -%}
        {%- set partitions = [] -%}
        {%- for row in run_query(units_not_done(to_write=false)).rows -%}
            {%- set literal = row[0] if increment.unit == 'file_id' else "date '" ~ row[0] ~ "'" -%}
            {%- do partitions.append("partition (" ~ increment.column ~ " = " ~ literal ~ ")") -%}
        {%- endfor -%}
        alter table {{ this }} drop if exists {{ partitions | join(', ') }}
    {%- endif -%}
{%- endmacro %}


{#- Takes all batches but the first out of what was begun; a variable of the session keeps them until the last hook. Of DuckDB alone, see log_as_begun. -#}
{% macro leave_for_later() %}
    {% set later = "select list({'model': '" ~ this.name ~ "', 'unit': unit, 'version': version, 'batch': batch}) from (" ~ batches() ~ ") as units where batch > 0" %}
    {% do in_transaction([
        "set variable cdr_later_units = (" ~ later ~ ")",
        "delete from " ~ build_log() ~ " where model = '" ~ this.name ~ "' and not done and unit in (select unit from (" ~ later_units() ~ ") as units)",
    ] | join('; ')) %}
{% endmacro %}


{#- The model's units among them. -#}
{% macro later_units() -%}
    select
        later.unit,
        later.version,
        later.batch
    from (
        select unnest(cast(getvariable('cdr_later_units') as struct(model text, unit text, version text, batch integer)[])) as later
    ) as units
    where later.model = '{{ this.name }}'
{%- endmacro %}


{#- Logs one of these batches as not done. Only where there are any. -#}
{% macro begin_batch(batch) %}
    {% do in_transaction(log_units("select unit, '' as part, version, 0 as records from (" ~ later_units() ~ ") as units where batch = " ~ batch, 'false')) %}
{% endmacro %}


{#- How an incremental model's new rows get in after what they replace was deleted. Spark has no transactions: it puts whole partitions in place. -#}
{% macro replacing_strategy() %}{{ return(adapter.dispatch('replacing_strategy')()) }}{% endmacro %}

{% macro duckdb__replacing_strategy() %}{{ return('append') }}{% endmacro %}

{% macro spark__replacing_strategy() %}{{ return('insert_overwrite') }}{% endmacro %}


{#- How a table is kept that loses single rows. Spark's Parquet tables lose whole partitions only: there it is made anew by each build. -#}
{% macro row_deletes_materialization() %}{{ return(adapter.dispatch('row_deletes_materialization')()) }}{% endmacro %}

{% macro duckdb__row_deletes_materialization() %}{{ return('incremental') }}{% endmacro %}

{% macro spark__row_deletes_materialization() %}{{ return('table') }}{% endmacro %}


{#- The column whose every value is a partition of an incremental model; the same as delete_where_in is called with. DuckDB has none. -#}
{% macro partition_column(column) %}{{ return(adapter.dispatch('partition_column')(column)) }}{% endmacro %}

{% macro duckdb__partition_column(column) %}{{ return(none) }}{% endmacro %}

{% macro spark__partition_column(column) %}{{ return(column) }}{% endmacro %}


{#- What follows the columns in `create table`. DuckDB has no partitions. -#}
{% macro partitioned_by(column) %}{{ return(adapter.dispatch('partitioned_by')(column)) }}{% endmacro %}

{% macro duckdb__partitioned_by(column) %}{% endmacro %}

{% macro spark__partitioned_by(column) -%}
    using parquet partitioned by ({{ column }})
{%- endmacro %}


{#-
    Logs units (unit, version) as not done, in place of what was logged of them, after statements that come first. Spark has no deletes: it writes the model's
    part of the log anew. Returns how many units there are and the last of the batches that they are computed in. Spark divides a statement into tasks, each of
    which fits: there it is one batch.
-#}
{% macro log_as_begun(units_sql, first='') %}{{ return(adapter.dispatch('log_as_begun')(units_sql, first)) }}{% endmacro %}

{% macro duckdb__log_as_begun(units_sql, first) %}
    {% set own = "delete from " ~ build_log() ~ " where model = '" ~ this.name ~ "'" %}
    {% set are_days = model.config.meta.increment.unit in ['call_date', 'report_date'] %}
    {% set last_batch = "(select coalesce(max(batch), 0) from (" ~ batches() ~ ") as batches)" if are_days else "0" %}
    {#- Statements in one are one event of dbt's. -#}
    {{ return(first_row([
        first,
        own ~ " and not done",
        log_units("select unit, '' as part, version, 0 as records from (" ~ units_sql ~ ") as units", 'false'),
        own ~ " and done and unit in (select unit from " ~ build_log() ~ " where model = '" ~ this.name ~ "' and not done)",
        "select count(*) as units, " ~ last_batch ~ " as last_batch from (" ~ units_not_done(to_write=false) ~ ") as units",
    ] | select | join('; '))) }}
{% endmacro %}

{% macro spark__log_as_begun(units_sql, first) %}
    {% set begun = log_rows("select unit, '' as part, version, 0 as records from (" ~ units_sql ~ ") as units", 'false') %}
    {% do in_transaction(
        "insert overwrite table " ~ build_log() ~ " partition (model) select * from " ~ build_log() ~ " where model = '" ~ this.name
        ~ "' and done and unit not in (select unit from (" ~ units_sql ~ ") as units) union all " ~ begun
    ) %}
    {{ return(first_row("select count(*) as units, 0 as last_batch from (" ~ units_not_done(to_write=false) ~ ") as units")) }}
{% endmacro %}


{#- Logs units (unit, part, version, records) as done, in place of all that were begun. Returns the batches that were left for later, in their order. -#}
{% macro log_as_done(units_sql) %}{{ return(adapter.dispatch('log_as_done')(units_sql)) }}{% endmacro %}

{% macro duckdb__log_as_done(units_sql) %}
    {{ return(query_texts([
        log_units(units_sql, 'true'),
        "delete from " ~ build_log() ~ " where model = '" ~ this.name ~ "' and not done",
        "select distinct batch from (" ~ later_units() ~ ") as units order by batch",
    ] | join('; '))) }}
{% endmacro %}

{% macro spark__log_as_done(units_sql) %}
    {% do in_transaction(
        "insert overwrite table " ~ build_log() ~ " partition (model) select * from " ~ build_log() ~ " where model = '" ~ this.name
        ~ "' and done union all " ~ log_rows(units_sql, 'true')
    ) %}
    {{ return([]) }}
{% endmacro %}


{#- A statement that takes a model out of the log. -#}
{% macro forget(model_name) %}{{ return(adapter.dispatch('forget')(model_name)) }}{% endmacro %}

{% macro duckdb__forget(model_name) -%}
    delete from {{ build_log() }} where model = '{{ model_name }}'
{%- endmacro %}

{% macro spark__forget(model_name) -%}
    alter table {{ build_log() }} drop if exists partition (model = '{{ model_name }}')
{%- endmacro %}


{#- Makes the table of queries that `cdr verify` asks: of each model the versions of its units. It does not read Spark. -#}
{% macro create_build_queries() %}{{ return(adapter.dispatch('create_build_queries')()) }}{% endmacro %}

{% macro duckdb__create_build_queries() %}
    {% do run_query("create table if not exists " ~ build_queries() ~ " (model text, relation text, unit text, query text)") %}
{% endmacro %}

{% macro spark__create_build_queries() %}{% endmacro %}


{#- The relation of that table. -#}
{% macro build_queries() %}{{ return(build_log().incorporate(path={'identifier': 'build_queries'})) }}{% endmacro %}


{#- Statements that keep the query of the model that is being built, with its table and the expression of a row's unit, by which its rows are counted. -#}
{% macro keep_query(query) %}{{ return(adapter.dispatch('keep_query')(query)) }}{% endmacro %}

{% macro duckdb__keep_query(query) %}
    {#- Rows that are replaced by key belong to other files than those that are done. -#}
    {% set unit = '' if model.config.unique_key else unit_of_row() %}
    {% set values = [] %}
    {% for text in [this.name, this.include(database=false) | string, unit, query | replace(adapter.quote(this.database) ~ '.', '')] %}
        {% do values.append(dbt.string_literal(dbt.escape_single_quotes(text))) %}
    {% endfor %}
    {% set own = build_queries() ~ " where model = " ~ values[0] %}
    {{ return([
        "delete from " ~ own ~ " and (relation, unit, query) <> (" ~ values[1:] | join(', ') ~ ")",
        "insert into " ~ build_queries() ~ " select " ~ values | join(', ') ~ " where not exists (select model from " ~ own ~ ")",
    ] | join('; ')) }}
{% endmacro %}

{% macro spark__keep_query(query) %}{{ return('') }}{% endmacro %}


{#- Puts the rows of a query in the place of a table that the query itself may read. -#}
{% macro replace_rows(relation, query) %}{{ return(adapter.dispatch('replace_rows')(relation, query)) }}{% endmacro %}

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
