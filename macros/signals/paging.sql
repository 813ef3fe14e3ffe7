{#-
    What `signals_fail_on` remembers, in intermediate.build_signal_looks: the complete report dates and their
    signals at the last look, whatever its result. Written when dbt ends, if the test ran; without the table
    the next look is at the newest complete report date alone.

    report_date | signal (a hash; empty: the date itself) | was_reported: it was severe enough to fail
-#}

{% macro signal_looks() %}
    {{ return(build_log().incorporate(path={'identifier': 'build_signal_looks'})) }}
{% endmacro %}


{#- The severities that the variable signals_fail_on names, as a list of SQL texts. -#}
{% macro severities_to_fail_on() -%}
    {%- set severities = {'none': ['none'], 'critical': ['critical'], 'warn': ['warn', 'critical']} -%}
    {%- set fail_on = var('signals_fail_on') -%}
    {%- if fail_on not in severities -%}
        {%- set remedy = "set it to none, critical or warn" -%}
        {{ exceptions.raise_compiler_error("signals_fail_on is '" ~ fail_on ~ "': " ~ remedy) }}
    {%- endif -%}
    '{{ severities[fail_on] | join("', '") }}'
{%- endmacro %}


{#-
    Every signal of a complete report date, as a query. `signal` identifies it at the next look: not its
    figures, which late calls change.
-#}
{% macro signals_of_complete_dates(found, report_dates) -%}
    {%- set names = ['rule', 'entity_type', 'application_key', 'entity', 'other_entity'] -%}
    select
        found.signal_date,
        found.rule,
        found.entity_type,
        found.severity,
        md5(concat_ws('|', found.{{ names | join(', found.') }})) as signal
    from {{ found }} as found
    inner join {{ report_dates }} as report_dates
        on found.signal_date = report_dates.report_date
    where report_dates.is_complete and not found.is_excluded
{%- endmacro %}


{#- Hook at the end of a run. -#}
{% macro remember_signal_looks(results) %}
    {% for result in results if execute and not flags.EMPTY %}
        {% set has_looked = result.status | string in ['pass', 'warn', 'fail'] %}
        {% if has_looked and result.node.name == 'assert_no_signals_to_fail_on' %}
            {% do replace_rows(signal_looks(), newest_looks(load_relation(signal_looks()))) %}
        {% endif %}
    {% endfor %}
{% endmacro %}


{% macro newest_looks(known) -%}
    {%- set report_dates = graph.nodes['model.sinch_cdr.mart_report_dates'].relation_name -%}
    {%- set found = graph.nodes['model.sinch_cdr.int_signals__found'].relation_name -%}
    select
        report_date,
        '' as signal,
        false as was_reported
    from {{ report_dates }}
    where is_complete
    union all
    select
        signals.signal_date as report_date,
        signals.signal,
        {% if known %}coalesce(max(known.was_reported), false) or {% endif -%}
        max(signals.severity in ({{ severities_to_fail_on() }})) as was_reported
    from ({{ signals_of_complete_dates(found, report_dates) }}) as signals
    {%- if known %}
    left join {{ known }} as known
        on signals.signal_date = known.report_date and signals.signal = known.signal
    {%- endif %}
    group by
        signals.signal_date,
        signals.signal
{%- endmacro %}
