{#-
    A team's own seeds: CSV files outside of the project that environment variables name (CDR_INVOICES and others). What a build has taken of them is kept
    in reference.team_seeds, so that a build in another shell takes it again. It is no build log: dropping that, or a full refresh, keeps it.
-#}

{% macro team_seeds() %}
    {% set seed = graph.get('nodes', {}).values() | selectattr('resource_type', 'equalto', 'seed') | selectattr('name', 'equalto', 'invoices') | first %}
    {{ return(api.Relation.create(
        database=generate_database_name(), schema=seed.schema if seed else 'reference', identifier='team_seeds',
    )) }}
{% endmacro %}


{#- Hook at the start of a run. -#}
{% macro create_team_seeds() %}
    {% if not is_building() %}{{ return('') }}{% endif %}
    {% do run_query("create schema if not exists " ~ team_seeds().without_identifier()) %}
    create table if not exists {{ team_seeds() }} (
        kind {{ dbt.type_string() }},
        path {{ dbt.type_string() }},
        content {{ dbt.type_string() }}
    ) {{ partitioned_by('kind') }}
{% endmacro %}


{#-
    What counts in place of a seed: {'path', 'content', 'is_lost'} of the file that CDR_<NAME OF THE SEED> names, or of the one that an earlier build took: as it
    is where it can be read, else (`is_lost`) as it was. None: the project's own seed.
-#}
{% macro team_seed(name) %}
    {% set variable = 'CDR_' ~ name | upper %}
    {% set path = env_var(variable, '') %}
    {% if path == 'project' %}{{ return(none) }}{% endif %}
    {% if path %}
        {% set path = absolute_path(path) %}
        {% if not is_file(path) %}
            {% do exceptions.raise_compiler_error(
                path ~ ": there is no such file, which " ~ variable ~ " names; put the path right, or set " ~ variable ~ "=project to do without a file of your own"
            ) %}
        {% endif %}
        {{ return({'path': path, 'content': file_text(path), 'is_lost': false}) }}
    {% endif %}
    {#- Only a build has made the table for certain. -#}
    {% if not is_building() and not load_relation(team_seeds()) %}{{ return(none) }}{% endif %}
    {% for row in run_query("select path, content from " ~ team_seeds() ~ " where kind = '" ~ name ~ "'").rows %}
        {#- Without a path: a copy of the database that is to be built as the database was. -#}
        {% set can_be_read = row['path'] and is_readable_here(row['path']) %}
        {{ return({
            'path': row['path'] or '', 'content': file_text(row['path']) if can_be_read else (row['content'] or '') | string, 'is_lost': row['path'] and not can_be_read,
        }) }}
    {% endfor %}
    {{ return(none) }}
{% endmacro %}


{#- Hook of the model that reads a seed so, within its transaction: keeps what its rows are made of, and nothing that came since. -#}
{% macro keep_team_seed(name) %}
    {% if not is_building() %}{{ return('') }}{% endif %}
    {% set seed = team_seed(name) %}
    {% if not seed or local_md5(seed.content) in sql %}{% do replace_team_seed(name, seed) %}{% endif %}
{% endmacro %}


{#- A path from the root. dbt does not know the folder it was started in; the shell does. -#}
{% macro absolute_path(path) %}
    {% set from_here = env_var('PWD', '') ~ '/' ~ path %}
    {{ return(from_here if not modules.re.match('/|[A-Za-z]+:', path) and is_file(from_here) else path) }}
{% endmacro %}
