{#-
    The rows of a seed, as something to select from: those of the team's own CSV file
    (macros/seeds/team_seeds.sql), otherwise the seed's own. So a team keeps its invoices and rates outside of
    the project, and no upgrade overwrites them. The statement holds the file's text: both engines read the
    same.
-#}
{% macro seed_rows(name) %}
    {%- set seed = ref(name) -%}
    {%- set own = team_seed(name) if execute and model.resource_type != 'unit_test' else none -%}
    {%- if not own -%}{{ return(seed) }}{%- endif -%}
    {%- if own.is_lost -%}
        {%- set problem = ", which an earlier build used for the seed " ~ name ~ ", cannot be read" -%}
        {%- set remedy = "put it back, or name another in CDR_" ~ name | upper ~ " ('project': none)" -%}
        {%- do exceptions.warn(own.path ~ problem ~ ": its content of then counts; " ~ remedy) -%}
    {%- endif -%}
    {%- set node = seed_node(name) -%}
    {%- set types = node.config.column_types -%}
    {#- Columns that the file may lack: they are empty then. -#}
    {%- set optional = node.config.meta.get('optional_columns', []) -%}
    {%- set header = csv_header(own.content, own.path, types, optional) -%}
    {%- set texts = csv_texts(own.content, header) -%}
    {%- do check_rows(texts, node, own.path) -%}
    {#- The hash is for keep_team_seed. -#}
    {{ return("(" ~ typed_rows(texts, types) ~ ") as file_rows /* " ~ local_md5(own.content) ~ " */") }}
{% endmacro %}
