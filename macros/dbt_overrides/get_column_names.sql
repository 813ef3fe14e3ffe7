{#-
    dbt-duckdb 1.11's macro, which quotes columns with `quote: true`. That of dbt 2.0.0a4 does not: a contract
    with a column `from` fails there.
-#}
{% macro get_column_names() %}
    (
    {%- for name, column in model.columns.items() %}
        {{ adapter.quote(name) if column.get('quote') else name }}{{ ',' if not loop.last }}
    {%- endfor %}
    )
{% endmacro %}
