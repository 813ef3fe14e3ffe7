{#- Hook at the end of a run: gives the build's own tables comments. Spark's tables get none. -#}
{% macro comment_build_tables() %}
    {% if is_building() %}{{ return(adapter.dispatch('comment_build_tables')()) }}{% endif %}
{% endmacro %}

{% macro duckdb__comment_build_tables() %}
    {% set uncommented %}
        select table_name
        from duckdb_tables()
        where
            database_name = '{{ build_log().database }}'
            and schema_name = '{{ build_log().schema }}'
            and comment is null
    {% endset %}
    {% set described = build_tables() %}
    {% for name in run_query(uncommented).columns[0].values() if name in described %}
        {% set relation = build_log().incorporate(path={'identifier': name}) %}
        {{ comments(relation, described[name][0], described[name][1]) }}
    {% endfor %}
{% endmacro %}

{% macro spark__comment_build_tables() %}{% endmacro %}


{% macro build_tables() %}
    {{ return({
        'build_log': ["One row per unit and part of an incremental model: what its rows are computed from.", {
            'unit': 'A file, a day, or both; all: the rule of the model.',
            'part': 'Day by which other models read the unit; null where it has no rows.',
            'version': 'Hash of what the rows were computed from.',
            'records': 'Number of its rows.',
            'batch': 'While it is stale: the batch that computes it.',
            'done': 'Whether the rows are written; false: the unit is stale.',
            'logged_at': 'When the row was written, UTC.',
            'model': 'Name of the model.',
        }],
        'build_pii_modes': ["One row per mart with personal data and time that its mode was set.", {
            'relation': 'Schema and name of the mart.',
            'wanted': 'pii_mode that a build was to give it.',
            'shown': 'pii_mode that its rows have.',
            'entry': 'Number of the row; the highest of a mart counts.',
        }],
        'build_queries': ["One row per incremental model: the query that `cdr verify` runs.", {
            'model': 'Name of the model.',
            'relation': 'Its schema and table.',
            'unit': 'Expression of the unit of a row; empty where rows are replaced by key.',
            'query': 'The versions that its units have now.',
        }],
        'build_runs': ["One row per dbt command that wrote tables and was not killed, for `cdr status`.", {
            'invocation_id': "dbt's id of the command.",
            'command': "dbt's name of the command.",
            'failed': 'Names of the models and tests that failed.',
            'warned': 'Number of tests that warned.',
            'nodes': 'Number of models, seeds and tests.',
            'success': 'Whether none failed.',
            'started_at': 'UTC.',
            'ended_at': 'UTC.',
        }],
        'build_signal_looks': ["Complete report dates and their signals when signals_fail_on last looked.", {
            'report_date': 'Complete report date.',
            'signal': 'Hash of a signal; empty: the date itself.',
            'was_reported': 'Whether the signal was severe enough to fail the test.',
        }],
        'day_history': ["One row per change of a day's calls in a file; its sums are what was reported.", {
            'file_id': 'Delivery that the calls are in.',
            'call_type': 'Kind of call.',
            'application_key': 'Application; null where it is unknown.',
            'currency': 'Currency of the amounts; null without amounts.',
            'calls': 'Calls more (fewer: negative) than before.',
            'priced_calls': 'Of these, calls with an amount.',
            'amount': 'Their amounts.',
            'changed_at': 'Start of the build that found the change, UTC.',
            'day': 'UTC date of CallTime.',
        }],
    }) }}
{% endmacro %}
