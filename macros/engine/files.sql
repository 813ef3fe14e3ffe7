{#-
    The content of a text file, while a model or a seed is built. What is not UTF-8 is an error by the file's
    name: a text in another encoding has NUL bytes, or bytes that are no characters.
-#}
{% macro file_text(path) %}
    {% set text = adapter.dispatch('file_text')(path) %}
    {% if text is none or '\u0000' in text or '\ufffd' in text %}
        {% set remedy = "(UTF-16, or a spreadsheet?); save it as CSV in UTF-8" %}
        {% do exceptions.raise_compiler_error(path ~ ": the file is not text in UTF-8 " ~ remedy) %}
    {% endif %}
    {{ return(text) }}
{% endmacro %}

{% macro duckdb__file_text(path) %}
    {% set read %}
        select
            try(decode(content)) is not null as is_text,
            coalesce(try(decode(content)), '') as text
        from read_blob({{ text_literal(path) }})
    {% endset %}
    {% set found = run_query(read).rows[0] %}
    {{ return((found['text'] or '') if found['is_text'] else none) }}
{% endmacro %}

{% macro spark__file_text(path) %}
    {% set view %}
        create or replace temporary view file_text
        using text
        options (path {{ text_literal(path) }}, wholetext 'true')
    {% endset %}
    {% do run_query(view) %}
    {% set rows = run_query("select value from file_text").rows %}
    {{ return(rows[0][0] if rows else '') }}
{% endmacro %}


{#- Whether a path is a file; none on Spark, which may run on other machines and cannot be asked. -#}
{% macro is_file(path) %}{{ return(adapter.dispatch('is_file')(path)) }}{% endmacro %}

{% macro duckdb__is_file(path) %}
    {{ return(query_texts("select file from glob(" ~ text_literal(path) ~ ")") | length == 1) }}
{% endmacro %}

{% macro spark__is_file(path) %}{{ return(none) }}{% endmacro %}


{#-
    A statement that replaces what is kept of a team's file, or drops it (`seed` none). Spark has no deletes:
    there a kind is a partition.
-#}
{% macro replace_team_seed(name, seed) %}
    {{ return(adapter.dispatch('replace_team_seed')(name, seed)) }}
{% endmacro %}

{% macro duckdb__replace_team_seed(name, seed) -%}
    delete from {{ team_seeds() }} where kind = '{{ name }}';
    {%- if seed %}
    insert into {{ team_seeds() }} (kind, path, content)
    values ('{{ name }}', {{ text_literal(seed.path) }}, {{ text_literal(seed.content) }})
    {%- endif %}
{%- endmacro %}

{% macro spark__replace_team_seed(name, seed) -%}
    {%- if seed -%}
    insert overwrite table {{ team_seeds() }} partition (kind = '{{ name }}')
    select
        {{ text_literal(seed.path) }} as path,
        {{ text_literal(seed.content) }} as content
    {%- else -%}
    alter table {{ team_seeds() }} drop if exists partition (kind = '{{ name }}')
    {%- endif -%}
{%- endmacro %}
