{#-
    dbt-spark 1.11's macro quotes values without escapes: a quote in a name breaks the statement, and null
    becomes the text None.
-#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {% if not agate_table.rows %}{{ return('') }}{% endif %}
    {% set types = model.config.column_types %}
    {% set rows = [] %}
    {% for row in agate_table.rows %}
        {% set values = [] %}
        {% for name in agate_table.column_names %}
            {% set text = 'null' %}
            {% if row[name] is not none %}
                {% set text = dbt.string_literal(dbt.escape_single_quotes(row[name] | string)) %}
            {% endif %}
            {% do values.append("cast(" ~ text ~ " as " ~ types.get(name, 'string') ~ ")") %}
        {% endfor %}
        {% do rows.append("(" ~ values | join(', ') ~ ")") %}
    {% endfor %}
    {% set sql %}
        insert into {{ this }} values
        {{ rows | join(',\n') }}
    {% endset %}
    {% do adapter.add_query(sql, abridge_sql_log=True) %}
    {{ return(sql) }}
{% endmacro %}
