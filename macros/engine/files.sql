{#- The content of a text file as one text; only while a model runs, since it is asked for at once. A file that is not there is an error by its name. -#}
{% macro file_text(path) %}{{ return(adapter.dispatch('file_text')(path)) }}{% endmacro %}

{% macro duckdb__file_text(path) %}
    {% set literal = dbt.string_literal(dbt.escape_single_quotes(path)) %}
    {% if run_query("select file from glob(" ~ literal ~ ")").rows | length != 1 %}
        {% do exceptions.raise_compiler_error(path ~ ": there is no such file; put the path right, or take the variable out of the environment") %}
    {% endif %}
    {{ return(run_query("select content from read_text(" ~ literal ~ ")").rows[0][0]) }}
{% endmacro %}

{% macro spark__file_text(path) %}
    {% set literal = dbt.string_literal(dbt.escape_single_quotes(path)) %}
    {% do run_query("create or replace temporary view file_text using text options (path " ~ literal ~ ", wholetext 'true')") %}
    {{ return(run_query("select value from file_text").rows[0][0]) }}
{% endmacro %}
