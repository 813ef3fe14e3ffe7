{#-
    The raw tables, empty, where the loader has not made them: so that `dbt build` and unit tests work on a new database. On Spark tables over the
    Parquet files that `cdr export` wrote. Columns and types are those of models/staging/sinch/_sinch__sources.yml; see macros/engine.sql.
-#}
{% macro create_raw_tables() %}
    {% if execute %}{{ return(adapter.dispatch('create_raw_tables')()) }}{% endif %}
{% endmacro %}
