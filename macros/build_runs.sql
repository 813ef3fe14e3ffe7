{#-
    What a command that writes tables came to, for `cdr status`: one row an invocation in intermediate.build_runs. Written when dbt ends;
    a build that was killed leaves none.
-#}

{% macro build_runs() %}
    {{ return(api.Relation.create(database=generate_database_name(), schema=build_schema(), identifier='build_runs')) }}
{% endmacro %}


{% macro log_build_run(results) %}
    {% if execute and flags.WHICH in ['build', 'run', 'seed', 'test', 'retry'] and not flags.EMPTY %}
        {% set failed = [] %}
        {% set warned = [] %}
        {% for result in results %}
            {% if result.status | string in ['error', 'fail', 'runtime error'] %}{% do failed.append(result.node.name) %}{% endif %}
            {% if result.status | string == 'warn' %}{% do warned.append(result.node.name) %}{% endif %}
        {% endfor %}
        {% do run_query("create schema if not exists " ~ build_runs().without_identifier()) %}
        {% set create %}
            create table if not exists {{ build_runs() }} (
                invocation_id {{ dbt.type_string() }},
                command {{ dbt.type_string() }},
                failed {{ dbt.type_string() }},
                warned bigint,
                nodes bigint,
                success boolean,
                started_at timestamp,
                ended_at timestamp
            )
        {% endset %}
        {% do run_query(create) %}
        {% set row %}
            insert into {{ build_runs() }}
            select
                '{{ invocation_id }}',
                '{{ flags.WHICH }}',
                {{ dbt.string_literal(dbt.escape_single_quotes(failed | join(', '))) }},
                {{ warned | length }},
                {{ results | length }},
                {{ 'false' if failed else 'true' }},
                cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp),
                cast('{{ modules.datetime.datetime.now(modules.pytz.utc).strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp)
        {% endset %}
        {% do run_query(row) %}
    {% endif %}
{% endmacro %}


{#- Hook at the start of whatever writes tables: `cdr run` may no longer say that nothing is new. -#}
{% macro forget_fingerprint() %}
    {% if execute and flags.WHICH in ['build', 'run', 'seed', 'test', 'retry', 'snapshot', 'clone'] %}
        drop table if exists {{ build_runs().incorporate(path={'identifier': 'build_fingerprint'}) }}
    {% endif %}
{% endmacro %}


{#- Hook at the start of a run. -#}
{% macro warn_of_empty_tables() %}
    {% if execute and flags.EMPTY and flags.WHICH in ['build', 'run'] %}
        {% do exceptions.warn(
            "--empty (or DBT_EMPTY in the environment): tables that are built whole are built without rows; the next build fills them again"
        ) %}
    {% endif %}
{% endmacro %}
