"""The queries of the page, each over the marts: the page shows their text, for people to adapt."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from loader.database.feed import FINDINGS, are_complete, newest_complete_day, stalled_feed
from loader.database.schema import has_table
from loader.database.sql import literal
from loader.errors import CdrError

if TYPE_CHECKING:
    import duckdb

DEFAULT_DAYS = 30


@dataclass(frozen=True)
class Scope:
    """The report dates and the application of the page; no application means all. They are compared with as
    many days before where all of both are complete. `stalled` is the sentence about a stalled feed where the
    dates include its newest day.
    """

    first: date
    last: date
    application_key: str | None = None
    application: str = "all applications"
    is_compared: bool = False
    stalled: str = ""

    @property
    def days(self) -> int:
        """How many days it spans."""
        return (self.last - self.first).days + 1

    @property
    def previous_first(self) -> date:
        """The first of as many days before."""
        return self.first - timedelta(days=self.days)


@dataclass(frozen=True)
class Result:
    """A query's rows, with its text; `missing`: the mart is not built."""

    mart: str
    sql: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    missing: bool = False

    def dicts(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


# {scope} is the condition on report dates and application; {first}, {last} and {before} are dates. {before}
# is the first day of those compared with, or {first} where there are none.
_QUERIES: dict[str, tuple[str, str]] = {
    "feed": (
        "mart_feed_completeness",
        """
select
    call_type,
    sum(records)::bigint as records,
    sum(rejected)::bigint as rejected,
    sum(unusable)::bigint as unusable,
    sum(conflicts)::bigint as conflicts,
    count(*) filter (status = 'present') as days_present,
    count(*) filter (status = 'empty') as days_empty,
    count(*) filter (status = 'missing') as days_missing,
    max(file_date) filter (status = 'present') as newest_day
from marts.mart_feed_completeness
where file_date between {first} and {last}
group by call_type
order by call_type
""",
    ),
    "missing_days": (
        "mart_feed_completeness",
        """
select file_date, call_type
from marts.mart_feed_completeness
where file_date between {first} and {last} and status = 'missing'
order by file_date, call_type
""",
    ),
    # A report date covers parts of two UTC days.
    "feed_findings": (
        "mart_feed_findings",
        f"""
{FINDINGS}
from marts.mart_feed_findings
where first_date <= {{last}} + 1 and last_date >= {{first}}
order by call_type
""",
    ),
    "spend": (
        "mart_cost_daily",
        """
select
    currency,
    sum(amount) filter (report_date >= {first}) as amount,
    sum(amount) filter (report_date < {first}) as previous_amount,
    coalesce(sum(calls) filter (report_date >= {first}), 0)::bigint as calls,
    coalesce(sum(minutes) filter (report_date >= {first}), 0) as minutes
from marts.mart_cost_daily
where report_date between {before} and {last} and currency is not null {application}
group by currency
having amount is not null
order by amount desc, currency
""",
    ),
    "spend_daily": (
        "mart_cost_daily",
        """
select report_date, call_type, sum(amount_reporting) as amount_reporting
from marts.mart_cost_daily
where {scope}
group by report_date, call_type
having sum(amount_reporting) is not null
order by report_date, call_type
""",
    ),
    "quality": (
        "mart_quality_daily",
        """
select
    report_date,
    sum(bids)::bigint as bids,
    sum(answers)::bigint as answers,
    sum(timed_answers)::bigint as timed_answers,
    sum(talk_seconds)::bigint as talk_seconds,
    sum(talk_seconds) / nullif(sum(timed_answers), 0) as aloc_seconds
from marts.mart_quality_daily
where {scope}
group by report_date
order by report_date
""",
    ),
    "quality_by_kind": (
        "mart_quality_daily",
        """
select
    report_date,
    call_type,
    sum(bids)::bigint as bids,
    sum(seizures)::bigint as seizures,
    sum(answers)::bigint as answers,
    sum(network_effective)::bigint as network_effective,
    sum(answers) / nullif(sum(seizures), 0) as asr,
    sum(network_effective) / nullif(sum(seizures), 0) as ner
from marts.mart_quality_daily
where {scope}
group by report_date, call_type
order by report_date, call_type
""",
    ),
    "failures": (
        "mart_failure_reasons_daily",
        """
select outcome_side, coalesce(reason, 'no reason') as reason, outcome, sum(calls)::bigint as calls
from marts.mart_failure_reasons_daily
where {scope} and not is_answered
group by all
order by calls desc, reason, outcome
limit 12
""",
    ),
    "destinations": (
        "mart_cost_daily",
        """
select
    costs.destination_country as country,
    countries.country_name,
    sum(costs.calls) filter (costs.report_date >= {first})::bigint as calls,
    sum(costs.minutes) filter (costs.report_date >= {first}) as minutes,
    sum(costs.amount_reporting) filter (costs.report_date >= {first}) as amount_reporting,
    sum(costs.amount_reporting) filter (costs.report_date < {first}) as previous_amount_reporting
from marts.mart_cost_daily as costs
left join marts.dim_countries as countries on costs.destination_country = countries.country_code
where costs.report_date between {before} and {last} and costs.destination_country is not null {application}
group by all
having amount_reporting is not null
order by amount_reporting desc, country
limit 15
""",
    ),
    "effective_rates": (
        "mart_cost_daily",
        """
select
    destination_country as country,
    currency,
    60 * sum(charged_amount) / nullif(sum(charged_seconds), 0) as effective_rate_per_minute
from marts.mart_cost_daily
where {scope} and destination_country is not null and currency is not null
group by all
having sum(charged_seconds) > 0
order by sum(charged_seconds) desc, country, currency
limit 15
""",
    ),
    "users": (
        "mart_user_spend_daily",
        """
with

users as (
    select user_id, currency, sum(calls)::bigint as calls, sum(minutes) as minutes, sum(amount) as amount
    from marts.mart_user_spend_daily
    where {scope} and user_id is not null and currency is not null
    group by all
    having sum(amount) is not null
    order by amount desc, user_id
    limit 10
),

charged as (
    select user_id, currency, 60 * sum(amount) / nullif(sum(duration_seconds), 0) as effective_rate_per_minute
    from marts.fact_calls
    where {scope} and user_id in (select user_id from users) and amount > 0 and duration_seconds is not null
    group by all
)

select users.*, charged.effective_rate_per_minute
from users
left join charged using (user_id, currency)
order by users.amount desc, users.user_id
""",
    ),
    "rate_changes": (
        "mart_rate_history",
        """
select
    valid_from, call_type, destination_country, currency, changed, change_pct, rate_per_minute,
    previous_rate_per_minute, connection_fee, increment
from marts.mart_rate_history
where valid_from between {first} and {last} and changed is not null {application}
order by abs(change_pct) desc nulls last, valid_from, destination_country
limit 10
""",
    ),
    "traffic": (
        "mart_traffic_hourly",
        """
select isodow(hour) as weekday, hour(hour) as hour_of_day, sum(erlangs) / {weeks} as erlangs
from marts.mart_traffic_hourly
where hour >= {first} and hour < {last} + interval 1 day {application}
group by all
order by weekday, hour_of_day
""",
    ),
    "busy_hours": (
        "mart_busy_hour",
        """
select date, busy_hour, erlangs, lines_at_1pct, peak_concurrent_calls, peak_at, peak_occupied
from marts.mart_busy_hour
where date between {first} and {last} and {busy_scope}
order by erlangs desc, date
limit 7
""",
    ),
    "signals": (
        "mart_signals",
        """
select
    signal_date, severity, rule, entity_type, entity, observed, threshold, baseline, calls, amount_reporting
from marts.mart_signals
where signal_date between {first} and {last} {application}
order by case severity when 'critical' then 0 when 'warn' then 1 else 2 end, signal_date desc, rule, entity
limit 40
""",
    ),
    "signal_weeks": (
        "mart_signals",
        """
select rule, date_trunc('week', signal_date)::date as week, count(*) as signals
from marts.mart_signals
where signal_date between {first} and {last} {application}
group by all
order by rule, week
""",
    ),
    "signal_rules": (
        "mart_signal_rules",
        """
select rule, status, days_of_history, days_needed
from marts.mart_signal_rules
where status in ('short_history', 'silent')
order by status desc, rule
""",
    ),
    "exceptions": (
        "mart_cost_exceptions",
        """
select rule, currency, count(*) as calls, sum(amount) as amount, sum(expected_amount) as expected_amount
from marts.mart_cost_exceptions
where {scope}
group by all
order by calls desc, rule, currency
""",
    ),
    "invoices": (
        "mart_invoice_reconciliation",
        """
select month, scope, application_key, currency, cdr_amount, invoice_amount, variance, variance_pct, verdict
from marts.mart_invoice_reconciliation
where month between date_trunc('month', {first}) and {last} {application}
order by month desc, scope, application_key, currency
limit 24
""",
    ),
}


def scope_of(
    connection: "duckdb.DuckDBPyConnection", first: date | None, last: date | None, application: str | None
) -> Scope:
    """The scope of the page: by default the thirty report dates up to the newest complete one, or, where none
    is complete, up to the newest that is not in the future: a mistyped CallTime can have any date.

    Raises CdrError when nothing is built, there are no days, or there is no such application.
    """
    if not has_table(connection, "marts", "mart_quality_daily"):
        raise CdrError("the marts are not built yet; run `cdr build` first")
    today = datetime.now(UTC).date()
    row = connection.execute(
        "select max(report_date) from marts.mart_quality_daily where report_date <= ?",
        [today + timedelta(days=1)],
    ).fetchone()
    newest = row[0] if row else None
    complete = newest_complete_day(connection)
    last = last or complete or newest or today
    first = first or last - timedelta(days=DEFAULT_DAYS - 1)
    if first > last:
        raise CdrError(f"--from {first} is after --to {last}; name an earlier day")
    scope = Scope(first, last)
    stalled = stalled_feed(connection, today) if complete is None or last >= complete else None
    scope = replace(
        scope,
        is_compared=are_complete(connection, scope.previous_first, last),
        stalled=stalled.sentence if stalled else "",
    )
    if application is None:
        return scope
    found = connection.execute(
        "select application_key, coalesce(application_name, application_key) from marts.dim_applications "
        "where application_key = ? or application_name = ?",
        [application.lower(), application],
    ).fetchone()
    if found is None:
        raise CdrError(f"there is no application {application}; marts.dim_applications has keys and names")
    return replace(scope, application_key=found[0], application=found[1])


def run_all(connection: "duckdb.DuckDBPyConnection", scope: Scope) -> dict[str, Result]:
    """Every query's result by its name."""
    return dict(_run(connection, scope))


def _run(connection: "duckdb.DuckDBPyConnection", scope: Scope) -> Iterator[tuple[str, Result]]:
    key = scope.application_key
    application = f"and application_key = {literal(key)}" if key else ""
    words = {
        "first": f"date '{scope.first}'",
        "last": f"date '{scope.last}'",
        "before": f"date '{scope.previous_first if scope.is_compared else scope.first}'",
        "application": application,
        "scope": f"report_date between date '{scope.first}' and date '{scope.last}' {application}".strip(),
        "busy_scope": f"scope = 'application' {application}" if key else "scope = 'account'",
        "weeks": f"{max(1.0, scope.days / 7):.4f}",
    }
    for name, (mart, text) in _QUERIES.items():
        sql = text.strip().format(**words)
        if not has_table(connection, "marts", mart):
            yield name, Result(mart, sql, (), [], missing=True)
            continue
        cursor = connection.execute(sql)
        columns = tuple(column[0] for column in cursor.description or ())
        yield name, Result(mart, sql, columns, cursor.fetchall())
