{#-
    dbt-duckdb 1.11's macro queries a relation's columns twice and writes every comment again: a tenth of a
    daily build. This one writes only new comments, in one statement. Models of other packages use it, too,
    and find no macros of this project: it calls only dbt's.
-#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) %}
    {% set of_relation %}
        database_name = '{{ relation.database }}'
        and schema_name = '{{ relation.schema }}'
        and table_name = '{{ relation.identifier }}'
    {% endset %}
    {% set found %}
        select
            '' as name,
            comment
        from duckdb_tables()
        where {{ of_relation }}
        union all
        select
            column_name,
            comment
        from duckdb_columns()
        where {{ of_relation }}
    {% endset %}
    {% set comments = {} %}
    {% for row in run_query(found).rows %}{% do comments.update({row[0] | lower: row[1]}) %}{% endfor %}
    {% set statements = [] %}
    {% set is_same = comments.pop('', none) == model.description %}
    {% if for_relation and config.persist_relation_docs() and model.description and not is_same %}
        {% do statements.append(alter_relation_comment(relation, model.description)) %}
    {% endif %}
    {% if for_columns and config.persist_column_docs() and model.columns %}
        {% set missing = model.columns | map('lower') | reject('in', comments) | list %}
        {% if missing %}
            {% set message = relation.render() ~ " lacks described columns: " ~ missing | join(', ') %}
            {% do exceptions.warn(message) %}
        {% endif %}
        {% for name, column in model.columns.items() %}
            {% if name | lower not in missing and comments[name | lower] != column['description'] %}
                {% set comment %}
                    comment on column {{ relation }}.{{ adapter.quote(name) if column['quote'] else name }}
                    is {{ duckdb_escape_comment(column['description']) }};
                {% endset %}
                {% do statements.append(comment) %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% if statements %}{% do run_query(statements | join) %}{% endif %}
{% endmacro %}
