{#-
    The results of commands that write tables, for `cdr status`: a row for each invocation in
    intermediate.build_runs, written when dbt ends. A build that was killed leaves none.
-#}

{% macro build_runs() %}{{ return(build_log().incorporate(path={'identifier': 'build_runs'})) }}{% endmacro %}


{#- Hook at the end of a run. -#}
{% macro log_build_run(results) %}
    {% if execute and flags.WHICH in ['build', 'run', 'seed', 'test', 'retry'] and not flags.EMPTY %}
        {% set failed = [] %}
        {% set warned = [] %}
        {% for result in results %}
            {% set status = result.status | string %}
            {% set is_failed = status in ['error', 'fail', 'runtime error'] %}
            {% if is_failed %}{% do failed.append(result.node.name) %}{% endif %}
            {% if status == 'warn' %}{% do warned.append(result.node.name) %}{% endif %}
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
        {% set now = modules.datetime.datetime.now(modules.pytz.utc) %}
        {% set row %}
            insert into {{ build_runs() }}
            select
                '{{ invocation_id }}',
                '{{ flags.WHICH }}',
                {{ text_literal(failed | join(', ')) }},
                {{ warned | length }},
                {{ results | length }},
                {{ 'false' if failed else 'true' }},
                cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp),
                cast('{{ now.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp)
        {% endset %}
        {% do run_query(row) %}
    {% endif %}
{% endmacro %}


{#- Hook at the start of whatever writes tables: the next `cdr run` must build, even without new files. -#}
{% macro forget_fingerprint() %}
    {% if execute and flags.WHICH in ['build', 'run', 'seed', 'test', 'retry', 'snapshot', 'clone'] %}
        drop table if exists {{ build_log().incorporate(path={'identifier': 'build_fingerprint'}) }}
    {% endif %}
{% endmacro %}


{#- Hook at the start of a run. -#}
{% macro warn_of_empty_tables() %}
    {% if execute and flags.EMPTY and flags.WHICH in ['build', 'run'] %}
        {% set message %}
            --empty (or DBT_EMPTY in the environment): tables that are built whole are built without rows; the
            next build fills them again
        {% endset %}
        {% do exceptions.warn(message.split() | join(' ')) %}
    {% endif %}
{% endmacro %}
