{#-
    The unit of fact_calls that a call belongs to. Spark writes whole days: a partition for each file would be
    a tiny file.
-#}
{% macro call_unit(file_id, call_date) %}
    {{ return(adapter.dispatch('call_unit', 'sinch_cdr')(file_id, call_date)) }}
{% endmacro %}

{% macro duckdb__call_unit(file_id, call_date) -%}
    concat_ws('|', {{ file_id }}, {{ call_date }})
{%- endmacro %}

{% macro spark__call_unit(file_id, call_date) -%}
    cast({{ call_date }} as string)
{%- endmacro %}


{#- Whether a call belongs to one of some units. -#}
{% macro in_call_units(units_sql) %}
    {{ return(adapter.dispatch('in_call_units', 'sinch_cdr')(units_sql)) }}
{% endmacro %}

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
    Also: whether it belongs to a file with a unit to compute. DuckDB pushes a condition on constants
    through the views that fact_calls reads, but no semi-join: without this it would clean the whole history
    first. The files are in a variable that insert_stale_rows sets, not in the SQL, which is part of the
    model's rule.
-#}
{% macro and_of_stale_files() %}
    {{ return(adapter.dispatch('and_of_stale_files', 'sinch_cdr')()) }}
{% endmacro %}

{% macro duckdb__and_of_stale_files() -%}
    {%- set files = "cast(getvariable('cdr_stale_files') as bigint[])" -%}
    and file_id >= coalesce(list_min({{ files }}), 0)
    and file_id <= coalesce(list_max({{ files }}), 9223372036854775807)
    and ({{ files }} is null or len({{ files }}) > 100 or list_contains({{ files }}, file_id))
{%- endmacro %}

{% macro spark__and_of_stale_files() %}{% endmacro %}
