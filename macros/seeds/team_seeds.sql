{#-
    A team's own seeds: CSV files outside of the project that environment variables name (CDR_INVOICES and
    others). What a build has read of them is kept in reference.team_seeds, so that a build in another shell
    uses it, too. It is not part of the build log: without that, or by a full refresh, it is kept.
-#}

{% macro team_seeds() %}
    {% set seed = seed_node('invoices') %}
    {{ return(api.Relation.create(
        database=generate_database_name(),
        schema=seed.schema if seed else 'reference',
        identifier='team_seeds',
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
    ) {{ partitioned_by('kind') }};
    {{ comments(team_seeds(), "One row per seed that a team's own file replaces.", {
        'kind': 'Name of the seed.',
        'path': 'The file that an environment variable named; none in a copy of a database.',
        'content': 'Its content at the last build that could read it.',
    }) }}
{% endmacro %}


{#-
    What counts in place of a seed: {'path', 'content', 'is_lost'} of the file that CDR_<NAME OF THE SEED>
    names, or of the one that an earlier build read: as it is where it can be read, otherwise (`is_lost`) as
    it was. None: the project's own seed.
-#}
{% macro team_seed(name) %}
    {% set variable = 'CDR_' ~ name | upper %}
    {% set path = env_var(variable, '') %}
    {% if path == 'project' %}{{ return(none) }}{% endif %}
    {% if path %}
        {% set path = absolute_path(path) %}
        {% if is_file(path) == false %}
            {% set problem = variable ~ " names this file, but it does not exist" %}
            {% set remedy = "correct the path, or set " ~ variable ~ "=project to use no file of your own" %}
            {% do exceptions.raise_compiler_error(path ~ ": " ~ problem ~ "; " ~ remedy) %}
        {% endif %}
        {{ return({'path': path, 'content': file_text(path), 'is_lost': false}) }}
    {% endif %}
    {#- Only a build has made the table for certain. -#}
    {% if not is_building() and not load_relation(team_seeds()) %}{{ return(none) }}{% endif %}
    {% set kept = "select path, content from " ~ team_seeds() ~ " where kind = '" ~ name ~ "'" %}
    {% for row in run_query(kept).rows %}
        {#- Without a path: a copy of the database that is to be built as the database was. -#}
        {% set path = row['path'] or '' %}
        {% set can_be_read = path and is_file(path) %}
        {% set content = file_text(path) if can_be_read else (row['content'] or '') | string %}
        {{ return({'path': path, 'content': content, 'is_lost': path and not can_be_read}) }}
    {% endfor %}
    {{ return(none) }}
{% endmacro %}


{#-
    Hook of the model that reads a seed so, within its transaction: keeps what its rows were made from, not
    what has changed since.
-#}
{% macro keep_team_seed(name) %}
    {% set seed = team_seed(name) if is_building() else none %}
    {% if is_building() and (not seed or local_md5(seed.content) in sql) %}
        {{ return(replace_team_seed(name, seed)) }}
    {% endif %}
{% endmacro %}


{#- A path from the root. dbt does not know the folder it was started in; the shell does. -#}
{% macro absolute_path(path) %}
    {% set from_here = env_var('PWD', '') ~ '/' ~ path %}
    {% set is_absolute = modules.re.match('/|[A-Za-z]+:', path) %}
    {{ return(path if is_absolute or is_file(from_here) == false else from_here) }}
{% endmacro %}
