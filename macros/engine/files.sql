{#-
    The content of a text file as one text; only while a model runs, since it is asked for at once. What is no UTF-8 is an error by the file's name: a text in
    another encoding has NUL bytes, or bytes that are no characters.
-#}
{% macro file_text(path) %}
    {% set text = adapter.dispatch('file_text')(path) %}
    {% if text is none or '\x00' in text or '\ufffd' in text %}
        {% do exceptions.raise_compiler_error(path ~ ": the file is no text in UTF-8 (UTF-16, or a spreadsheet?); save it as CSV in UTF-8") %}
    {% endif %}
    {{ return(text) }}
{% endmacro %}

{% macro duckdb__file_text(path) %}
    {% set literal = dbt.string_literal(dbt.escape_single_quotes(path)) %}
    {% set found = run_query("select try(decode(content)) is not null as is_text, coalesce(try(decode(content)), '') as text from read_blob(" ~ literal ~ ")").rows[0] %}
    {{ return((found['text'] or '') if found['is_text'] else none) }}
{% endmacro %}

{% macro spark__file_text(path) %}
    {% set literal = dbt.string_literal(dbt.escape_single_quotes(path)) %}
    {% do run_query("create or replace temporary view file_text using text options (path " ~ literal ~ ", wholetext 'true')") %}
    {% set rows = run_query("select value from file_text").rows %}
    {{ return(rows[0][0] if rows else '') }}
{% endmacro %}


{#- Whether a path is one file. Spark cannot be asked; reading it is then an error that names it. -#}
{% macro is_file(path) %}{{ return(adapter.dispatch('is_file')(path)) }}{% endmacro %}

{% macro duckdb__is_file(path) %}
    {{ return(run_query("select file from glob(" ~ dbt.string_literal(dbt.escape_single_quotes(path)) ~ ")").rows | length == 1) }}
{% endmacro %}

{% macro spark__is_file(path) %}{{ return(true) }}{% endmacro %}


{#- Whether a file is known to be there. Spark cannot be asked: it may run on other machines. -#}
{% macro is_readable_here(path) %}{{ return(adapter.dispatch('is_readable_here')(path)) }}{% endmacro %}

{% macro duckdb__is_readable_here(path) %}{{ return(is_file(path)) }}{% endmacro %}

{% macro spark__is_readable_here(path) %}{{ return(false) }}{% endmacro %}


{#- Replaces what is kept of a team's file in place of a seed, or drops it (`seed` none). Spark has no deletes: there a kind is a partition. -#}
{% macro replace_team_seed(name, seed) %}{{ return(adapter.dispatch('replace_team_seed')(name, seed)) }}{% endmacro %}

{% macro duckdb__replace_team_seed(name, seed) %}
    {% do in_transaction(
        "delete from " ~ team_seeds() ~ " where kind = '" ~ name ~ "'"
        ~ ("; insert into " ~ team_seeds() ~ " (kind, path, content) select " ~ team_seed_values(name, seed) | join(', ') if seed)
    ) %}
{% endmacro %}

{% macro spark__replace_team_seed(name, seed) %}
    {% if seed %}
        {% set values = team_seed_values(name, seed) %}
        {% do in_transaction(
            "insert overwrite table " ~ team_seeds() ~ " partition (kind) select " ~ values[1] ~ " as path, " ~ values[2] ~ " as content, " ~ values[0] ~ " as kind"
        ) %}
    {% else %}
        {% do in_transaction("alter table " ~ team_seeds() ~ " drop if exists partition (kind = '" ~ name ~ "')") %}
    {% endif %}
{% endmacro %}

{% macro team_seed_values(name, seed) %}
    {% set values = [] %}
    {% for text in [name, seed.path, seed.content] %}{% do values.append(dbt.string_literal(dbt.escape_single_quotes(text))) %}{% endfor %}
    {{ return(values) }}
{% endmacro %}
