{#-
    SQL that gives a table and its columns these comments, where it has others: what dbt's persist_docs does
    for models, for the tables of hooks. `columns`: comments by column, also of a table that is about to be
    created. Spark's tables get none.
-#}
{% macro comments(relation, comment, columns) %}
    {{ return(adapter.dispatch('comments')(relation, comment, columns)) }}
{% endmacro %}

{% macro duckdb__comments(relation, comment, columns) %}
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
    {% set present = {} %}
    {% for row in run_query(found).rows %}{% do present.update({row[0]: row[1]}) %}{% endfor %}
    {% if present.get('') != comment %}
        comment on table {{ relation }} is {{ duckdb_escape_comment(comment) }};
    {% endif %}
    {% for name, text in columns.items() if present.get(name) != text and (name in present or not present) %}
        comment on column {{ relation }}.{{ adapter.quote(name) }} is {{ duckdb_escape_comment(text) }};
    {% endfor %}
{% endmacro %}

{% macro spark__comments(relation, comment, columns) %}{% endmacro %}
