{#-
    dbt-duckdb 1.11's own loads a seed's file by DuckDB's reader, which sniffs the file's dialect and was seen
    to strip quotes, unless the seed has the config `fast: false`, which dbt 2 refuses. Here the rows that dbt
    has read are inserted, with every text as it is; as texts, since dbt 2.0.0a4 binds no parameters.
-#}
{% macro duckdb__load_csv_rows(model, agate_table) %}
    {% if not agate_table.rows %}{{ return('') }}{% endif %}
    {% set rows = [] %}
    {% for row in agate_table.rows %}
        {% set values = [] %}
        {% for name in agate_table.column_names %}
            {% set text = row[name] | string | replace("'", "''") %}
            {% do values.append('null' if row[name] is none else "'" ~ text ~ "'") %}
        {% endfor %}
        {% do rows.append('(' ~ values | join(', ') ~ ')') %}
    {% endfor %}
    {% set sql = 'insert into ' ~ this ~ ' values ' ~ rows | join(',\n') %}
    {% do adapter.add_query(sql, abridge_sql_log=True) %}
    {{ return(sql) }}
{% endmacro %}
