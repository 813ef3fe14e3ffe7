{#-
    dbt's own macro, which asks twice for a relation's columns and writes every comment again: a tenth of a daily build. Here a comment that is there already
    stays, and the others are one statement.
-#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) %}
    {#- No macro of its own: other packages' models come here, too, and would not find it. -#}
    {% set of_relation %}
        database_name = '{{ relation.database }}' and schema_name = '{{ relation.schema }}' and table_name = '{{ relation.identifier }}'
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
    {% for row in run_query(found).rows %}{% do comments.update({row[0]: row[1]}) %}{% endfor %}
    {% set statements = [] %}
    {% if for_relation and config.persist_relation_docs() and model.description and comments.pop('', none) != model.description %}
        {% do statements.append(alter_relation_comment(relation, model.description)) %}
    {% endif %}
    {% if for_columns and config.persist_column_docs() and model.columns %}
        {% set documented = validate_doc_columns(relation, model.columns, comments | list) %}
        {% for name, column in documented.items() if comments.get(name) != column['description'] %}
            {% set quoted = adapter.quote(name) if column['quote'] else name %}
            {% do statements.append('comment on column ' ~ relation ~ '.' ~ quoted ~ ' is ' ~ duckdb_escape_comment(column['description']) ~ ';') %}
        {% endfor %}
    {% endif %}
    {% if statements %}{% do run_query(statements | join) %}{% endif %}
{% endmacro %}
