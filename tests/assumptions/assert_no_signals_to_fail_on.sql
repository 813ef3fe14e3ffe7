-- Fails a pipeline if complete report dates have signals that were not reported yet. The variable
-- signals_fail_on is the lowest severity that fails, `critical` or `warn`; `none` never fails. Tested are the
-- newest complete report date, and older ones that were not complete, or did not have the signal, at the last
-- look. A reported signal does not fail again.
{{ config(meta={'findings': 'messages'}) }}
-- depends_on: {{ ref('mart_signals') }}
{%- set looks = load_relation(signal_looks()) if execute else none %}

with

signals as (
    {{ signals_of_complete_dates(ref('int_signals__found'), ref('mart_report_dates')) }}
),

newest as (
    select max(report_date) as report_date
    from {{ ref('mart_report_dates') }}
    where is_complete
),

last_look as (
    {% if looks -%}
    select
        report_date,
        signal,
        was_reported
    from {{ looks }}
    {%- else -%}
    -- First look: history is not reported.
    select
        signals.signal_date as report_date,
        signals.signal,
        false as was_reported
    from signals
    {%- endif %}
),

fresh as (
    select
        signals.signal_date,
        signals.rule,
        signals.entity_type,
        signals.severity
    from signals
    cross join newest
    left join last_look
        on signals.signal_date = last_look.report_date and signals.signal = last_look.signal
    where
        signals.severity in ({{ severities_to_fail_on() }})
        and (
            last_look.signal is null
            or (signals.signal_date = newest.report_date and not last_look.was_reported)
        )
)

select
    signal_date,
    rule,
    entity_type,
    severity,
    count(*) as signals,
    concat(
        severity, ' signal ', rule, ' on ', cast(signal_date as {{ dbt.type_string() }}), ': ',
        cast(count(*) as {{ dbt.type_string() }}), ' of type ', entity_type, '; see marts.mart_signals'
    ) as message
from fresh
group by
    signal_date,
    rule,
    entity_type,
    severity
