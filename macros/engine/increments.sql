{#- A statement that deletes the rows with these values (literals) of a column, or all rows for none; no statement for an empty list. -#}
{% macro delete_where_in(relation, column, literals) %}{{ return(adapter.dispatch('delete_where_in')(relation, column, literals)) }}{% endmacro %}

{% macro duckdb__delete_where_in(relation, column, literals) -%}
    {%- if literals is none -%}
        delete from {{ relation }}
    {%- elif literals -%}
        delete from {{ relation }} where {{ in_list(column, literals) }}
    {%- endif -%}
{%- endmacro %}

{#- The partitions are dropped, so that a day or file without rows leaves nothing behind; all of them where the table is computed whole. -#}
{% macro spark__delete_where_in(relation, column, literals) -%}
    {%- if literals is none -%}
        truncate table {{ relation }}
    {%- elif literals -%}
        alter table {{ relation }} drop if exists
        {%- for literal in literals %} partition ({{ column }} = {{ literal }}){{ ',' if not loop.last }}{% endfor %}
    {%- endif -%}
{%- endmacro %}


{#- How an incremental model's new rows get in after what they replace was deleted. Spark has no transactions: it puts whole partitions in place. -#}
{% macro replacing_strategy() %}{{ return(adapter.dispatch('replacing_strategy')()) }}{% endmacro %}

{% macro duckdb__replacing_strategy() %}{{ return('append') }}{% endmacro %}

{% macro spark__replacing_strategy() %}{{ return('insert_overwrite') }}{% endmacro %}


{#- How a table is kept that loses single rows. Spark's Parquet tables lose whole partitions only: there it is made anew by each build. -#}
{% macro losing_rows() %}{{ return(adapter.dispatch('losing_rows')()) }}{% endmacro %}

{% macro duckdb__losing_rows() %}{{ return('incremental') }}{% endmacro %}

{% macro spark__losing_rows() %}{{ return('table') }}{% endmacro %}


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
    A statement that adds rows to the build log. Spark writes the model's part of it anew, keeping of each unit the newest row: each statement would
    otherwise leave a file, and two models writing at a time would be in each other's way.
-#}
{% macro add_to_log(rows_sql) %}{{ return(adapter.dispatch('add_to_log')(rows_sql)) }}{% endmacro %}

{% macro duckdb__add_to_log(rows_sql) -%}
    insert into {{ build_log() }} by name {{ rows_sql }}
{%- endmacro %}

{% macro spark__add_to_log(rows_sql) -%}
    insert overwrite table {{ build_log() }} partition (model)
    select
        seq,
        unit_type,
        unit,
        version,
        logged_at,
        model
    from (
        select
            *,
            row_number() over (partition by unit_type, unit order by seq desc) as recency
        from (
            select * from {{ build_log() }} where model = '{{ this.name }}'
            union all
            {{ rows_sql }}
        ) as history
    ) as ranked
    where recency = 1
{%- endmacro %}
