{#-
    The raw tables, empty, where the loader has not made them yet: so that `dbt build` and unit tests work on a new database.
    Columns and types are those of models/staging/sinch/_sinch__sources.yml.
-#}
{% macro create_raw_tables() %}
    {% if execute %}{{ return(adapter.dispatch('create_raw_tables')()) }}{% endif %}
{% endmacro %}

{% macro default__create_raw_tables() %}{{ unsupported_engine('create_raw_tables') }}{% endmacro %}

{% macro duckdb__create_raw_tables() %}
    {% for source in graph.sources.values() if source.source_name == 'raw_sinch' %}
        create schema if not exists {{ adapter.quote(source.schema) }};
        create table if not exists {{ source.relation_name }} (
            {% for column in source.columns.values() -%}
            {{ adapter.quote(column.name) }} {{ column.data_type }}{{ ',' if not loop.last }}
            {% endfor %}
        );
    {% endfor %}
{% endmacro %}
