-- Ends a pipeline when the newest day of calls has signals: the variable signals_fail_on names the severity
-- from which on, `critical` or `warn`; `none` never fails.
{%- set severities = {'none': [], 'critical': ['critical'], 'warn': ['warn', 'critical']} %}
{%- set fail_on = var('signals_fail_on') %}
{%- if fail_on not in severities %}
    {{ exceptions.raise_compiler_error("signals_fail_on is '" ~ fail_on ~ "': set it to none, critical or warn") }}
{%- endif %}

with

newest as (
    select max(report_date) as newest_date
    from {{ ref('int_signals__applications_daily') }}
)

select
    signals.rule,
    signals.entity_type,
    signals.entity,
    signals.severity,
    signals.signal_date
from {{ ref('mart_signals') }} as signals
inner join newest
    on signals.signal_date = newest.newest_date
where signals.severity in ('{{ (severities[fail_on] or ['none']) | join("', '") }}')
