{#-
    Hook at the start of a run: creates the raw tables that the loader has not created, empty, so that
    `dbt build` and unit tests work on a new database, and gives all of them comments. On Spark they are
    tables over the Parquet files of `cdr export`. Columns, types and comments are those of
    models/staging/sinch/_sinch__sources.yml.
-#}
{% macro create_raw_tables() %}
    {% if execute %}{{ return(adapter.dispatch('create_raw_tables')()) }}{% endif %}
{% endmacro %}

{% macro duckdb__create_raw_tables() %}
    {% for source in graph.sources.values() if source.source_name == 'raw_sinch' %}
        {% set relation = api.Relation.create(
            database=source.database, schema=source.schema, identifier=source.identifier
        ) %}
        create schema if not exists {{ relation.without_identifier() }};
        create table if not exists {{ relation }} (
            {% for column in source.columns.values() -%}
            {{ adapter.quote(column.name) }} {{ column.data_type }}{{ ',' if not loop.last }}
            {% endfor %}
        );
        {% set descriptions = {} %}
        {% for column in source.columns.values() %}
            {% do descriptions.update({column.name: column.description}) %}
        {% endfor %}
        {{ comments(relation, source.description, descriptions) }}
    {% endfor %}
{% endmacro %}

{#- Over the files in CDR_EXPORT_DIR, recreated each time; empty ones where the variable is not set. -#}
{% macro spark__create_raw_tables() %}
    {% set folder = env_var('CDR_EXPORT_DIR', '') %}
    {% for source in graph.sources.values() if source.source_name == 'raw_sinch' %}
        {% set partitioned = source.name not in ['files', 'rejected_records'] %}
        {% do run_query("create schema if not exists " ~ source.schema) %}
        {% do run_query("drop table if exists " ~ source.relation_name) %}
        {% set create %}
            create table {{ source.relation_name }} (
                {% for column in source.columns.values() -%}
                {{ adapter.quote(column.name) }} {{ column.data_type }}
                {{- ',' if partitioned or not loop.last }}
                {% endfor %}
                {% if partitioned %}file_date date{% endif %}
            )
            using parquet
            {% if partitioned %}partitioned by (file_date){% endif %}
            {% if folder %}location '{{ folder }}/{{ source.name }}'{% endif %}
        {% endset %}
        {% do run_query(create) %}
        {% if folder and partitioned %}
            {% do run_query("msck repair table " ~ source.relation_name) %}
        {% endif %}
    {% endfor %}
{% endmacro %}
