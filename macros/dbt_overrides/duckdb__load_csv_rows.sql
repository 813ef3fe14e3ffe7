{#-
    dbt-duckdb 1.11's own loads a seed's file by DuckDB's reader, which sniffs the file's dialect and was seen
    to strip quotes, unless the seed has the config `fast: false`, which dbt 2 refuses. Here the rows that dbt
    has read are inserted, as default__load_csv_rows does: it keeps every text.
-#}
{% macro duckdb__load_csv_rows(model, agate_table) %}
    {{ return(default__load_csv_rows(model, adapter.convert_datetimes_to_strs(agate_table))) }}
{% endmacro %}
