"""The queries of the page, each over the marts: the page shows their text, for people to adapt."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from loader.database.feed import FINDINGS, are_complete, newest_complete_day, stalled_feed
from loader.database.schema import has_table
from loader.database.sql import literal, one_row
from loader.errors import CdrError
from loader.text import counted

if TYPE_CHECKING:
    import duckdb

DEFAULT_DAYS = 30


@dataclass(frozen=True)
class Scope:
    """The report dates and the application of the page; no application means all. They are compared with as
    many days before where all of both are complete and no kind begins later. `stalled` is the sentence about
    a stalled feed where the dates include its newest day. `currency` is the reporting currency, or "" where
    no charge is in it.
    """

    first: date
    last: date
    application_key: str | None = None
    application: str = "all applications"
    is_compared: bool = False
    stalled: str = ""
    currency: str = ""

    @property
    def days(self) -> int:
        """How many days it spans."""
        return (self.last - self.first).days + 1

    @property
    def previous_first(self) -> date:
        """The first of as many days before."""
        return self.first - timedelta(days=self.days)


@dataclass(frozen=True)
class Query:
    """A query over marts: what its table is called, what a row is, and how many rows the page shows."""

    title: str
    caption: str
    sql: str
    limit: int | None = None

    @property
    def marts(self) -> list[str]:
        """The marts that it reads, that of its rows first."""
        return list(dict.fromkeys(re.findall(r"marts\.(\w+)", self.sql)))


@dataclass(frozen=True)
class Result:
    """A query's rows, and how many of them the page shows by `sql`; `missing` is a mart that is not built."""

    name: str
    query: Query
    sql: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    missing: str = ""

    @property
    def shown(self) -> list[tuple[Any, ...]]:
        """The rows of the table on the page."""
        return self.rows[: self.query.limit]

    @property
    def size(self) -> str:
        """How many rows the table has, and of how many."""
        if len(self.shown) < len(self.rows):
            return f"first {len(self.shown):,} of {len(self.rows):,} rows"
        return counted(len(self.rows), "row")

    def dicts(self) -> list[dict[str, Any]]:
        """All rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


# {scope} is the condition on report dates and application; {first}, {last} and {before} are dates. {before}
# is the first of those compared with, or {first} where there are none. A day has a file if its UTC day has.
_QUERIES = {
    "feed": Query(
        "Files and records by kind",
        "A row is a kind of file, in these days.",
        """
select
    call_type,
    sum(records)::bigint as records,
    sum(rejected)::bigint as rejected,
    sum(unusable)::bigint as unusable,
    sum(conflicts)::bigint as conflicts,
    count(*) filter (status = 'present') as days_present,
    count(*) filter (status = 'empty') as days_empty,
    count(*) filter (status = 'covered') as days_covered,
    count(*) filter (status = 'missing') as days_missing,
    max(file_date) filter (status = 'present') as newest_day
from marts.mart_feed_completeness
where file_date between {first} and {last}
group by call_type
order by call_type
""",
    ),
    "missing_days": Query(
        "Missing files",
        "A row is a day of a kind without a file.",
        """
select file_date, call_type
from marts.mart_feed_completeness
where file_date between {first} and {last} and status = 'missing'
order by file_date, call_type
""",
        40,
    ),
    "missing_elsewhere": Query(
        "Missing files before and after these days",
        "A row is a kind, with its missing files outside the days of the page.",
        """
select call_type, count(*) as files, min(file_date) as first_day, max(file_date) as last_day
from marts.mart_feed_completeness
where file_date not between {first} and {last} and status = 'missing'
group by call_type
order by call_type
""",
    ),
    # A report date covers parts of two UTC days.
    "feed_findings": Query(
        "Errors of the feed",
        "A row is an error of a kind, with the days that have it.",
        f"""
{FINDINGS}
from marts.mart_feed_findings
where first_date <= {{last}} + 1 and last_date >= {{first}}
order by call_type
""",
    ),
    "spend": Query(
        "Spend by currency",
        "A row is a currency of charges; minutes are those of answered calls.",
        """
select
    currency,
    sum(amount) filter (report_date >= {first}) as amount,
    sum(amount) filter (report_date < {first}) as previous_amount,
    sum(amount_reporting) filter (report_date >= {first}) as amount_reporting,
    coalesce(sum(calls) filter (report_date >= {first}), 0)::bigint as calls,
    coalesce(sum(minutes) filter (report_date >= {first}), 0) as minutes,
    coalesce(sum(unconverted_calls) filter (report_date >= {first}), 0)::bigint as unconverted_calls
from marts.mart_cost_daily
where report_date between {before} and {last} and currency is not null {application}
group by currency
having amount is not null
order by amount_reporting desc nulls last, amount desc, currency
""",
    ),
    "spend_daily": Query(
        "Spend by day and kind",
        "A row is a day of a kind; a day without a file has only late calls.",
        """
select
    costs.report_date,
    costs.call_type,
    sum(costs.amount_reporting) as amount_reporting,
    bool_or(files.file_date is not null) as has_file
from marts.mart_cost_daily as costs
left join marts.mart_feed_completeness as files
    on costs.report_date = files.file_date and costs.call_type = files.call_type and files.status <> 'missing'
where {scope}
group by costs.report_date, costs.call_type
having sum(costs.amount_reporting) is not null
order by costs.report_date, costs.call_type
""",
    ),
    "quality": Query(
        "Average length of calls by day",
        "A row is a day over all kinds; talk_seconds and aloc_seconds are of the timed answers.",
        """
select
    report_date,
    sum(bids)::bigint as bids,
    sum(answers)::bigint as answers,
    sum(timed_answers)::bigint as timed_answers,
    sum(talk_seconds)::bigint as talk_seconds,
    sum(talk_seconds) / nullif(sum(timed_answers), 0) as aloc_seconds,
    report_date in (
        select file_date from marts.mart_feed_completeness where status <> 'missing'
    ) as has_file
from marts.mart_quality_daily
where {scope}
group by report_date
order by report_date
""",
    ),
    "quality_by_kind": Query(
        "Quality by day and kind",
        "A row is a day of a kind; asr and ner are shares of the seizures.",
        """
select
    quality.report_date,
    quality.call_type,
    sum(quality.bids)::bigint as bids,
    sum(quality.seizures)::bigint as seizures,
    sum(quality.answers)::bigint as answers,
    sum(quality.network_effective)::bigint as network_effective,
    sum(quality.answers) / nullif(sum(quality.seizures), 0) as asr,
    sum(quality.network_effective) / nullif(sum(quality.seizures), 0) as ner,
    bool_or(files.file_date is not null) as has_file
from marts.mart_quality_daily as quality
left join marts.mart_feed_completeness as files
    on
        quality.report_date = files.file_date
        and quality.call_type = files.call_type
        and files.status <> 'missing'
where {scope}
group by quality.report_date, quality.call_type
order by quality.report_date, quality.call_type
""",
    ),
    "failures": Query(
        "Calls without an answer by reason",
        "A row is a side, a reason and an outcome, the most calls first.",
        """
select outcome_side, coalesce(reason, 'no reason') as reason, outcome, sum(calls)::bigint as calls
from marts.mart_failure_reasons_daily
where {scope} and not is_answered
group by all
order by calls desc, reason, outcome, outcome_side
""",
        12,
    ),
    "destinations": Query(
        "Spend by country",
        "A row is a called country, the greatest spend first; calls in a currency without a rate are in "
        "unconverted_calls alone.",
        """
select
    costs.destination_country as country,
    coalesce(countries.country_name, costs.destination_country, 'not known') as country_name,
    coalesce(sum(costs.calls) filter (costs.report_date >= {first}), 0)::bigint as calls,
    coalesce(sum(costs.minutes) filter (costs.report_date >= {first}), 0) as minutes,
    sum(costs.amount_reporting) filter (costs.report_date >= {first}) as amount_reporting,
    sum(costs.amount_reporting) filter (costs.report_date < {first}) as previous_amount_reporting,
    coalesce(sum(costs.unconverted_calls) filter (costs.report_date >= {first}), 0)::bigint
        as unconverted_calls
from marts.mart_cost_daily as costs
left join marts.dim_countries as countries on costs.destination_country = countries.country_code
where costs.report_date between {before} and {last} {application}
group by all
having amount_reporting is not null or unconverted_calls > 0
order by amount_reporting desc nulls last, country
""",
        15,
    ),
    "effective_rates": Query(
        "Charge of a minute by country",
        "A row is a called country and a currency, the most charged seconds first.",
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
""",
        15,
    ),
    # The order needs one currency, which only calls have by user.
    "users": Query(
        "Users who spend most",
        "A row is a currency of one of the ten users with the greatest amount_reporting over all currencies.",
        """
with

spend as (
    select
        user_id,
        currency,
        count(*) as calls,
        coalesce(sum(duration_seconds) filter (is_answered), 0) / 60 as minutes,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting,
        60 * sum(amount) filter (amount > 0 and duration_seconds is not null)
            / nullif(sum(duration_seconds) filter (amount > 0), 0) as effective_rate_per_minute
    from marts.fact_calls
    where {scope} and user_id is not null and currency is not null
    group by user_id, currency
    having sum(amount) is not null
),

users as (
    select user_id, sum(amount_reporting) as amount_of_user
    from spend
    group by user_id
    order by amount_of_user desc nulls last, user_id
    limit 10
)

select spend.*
from spend
inner join users using (user_id)
order by amount_of_user desc nulls last, user_id, amount_reporting desc nulls last, currency
""",
    ),
    "rate_changes": Query(
        "Changes of rates",
        "A row is a rate that is another than before, the greatest change first.",
        """
select
    valid_from, call_type, destination_country, currency, changed, change_pct, rate_per_minute,
    previous_rate_per_minute, connection_fee, increment
from marts.mart_rate_history
where valid_from between {first} and {last} and changed is not null {application}
order by abs(change_pct) desc nulls last, valid_from, destination_country, call_type, currency
""",
        10,
    ),
    "traffic": Query(
        "Erlangs by weekday and hour",
        "A row is an hour of a weekday (1 is Monday), UTC; erlangs are the mean of its days with a file.",
        """
with

days as (
    select distinct file_date as day
    from marts.mart_feed_completeness
    where file_date between {first} and {last} and status <> 'missing'
),

weekdays as (
    select isodow(day) as weekday, count(*) as days
    from days
    group by weekday
)

select
    weekdays.weekday,
    hour(traffic.hour) as hour_of_day,
    weekdays.days,
    sum(traffic.erlangs) / weekdays.days as erlangs
from marts.mart_traffic_hourly as traffic
inner join days on cast(traffic.hour as date) = days.day
inner join weekdays on isodow(days.day) = weekdays.weekday
where days.day between {first} and {last} and traffic.scope = 'call_type' {application}
group by weekdays.weekday, weekdays.days, hour_of_day
order by weekdays.weekday, hour_of_day
""",
    ),
    "busy_hours": Query(
        "Busiest days",
        "A row is the busy hour of a day (UTC): the seven of most erlangs, and that of the greatest peak.",
        """
select date, busy_hour, erlangs, lines_at_1pct, peak_concurrent_calls, peak_at, peak_occupied
from marts.mart_busy_hour
where date between {first} and {last} and {busy_scope}
qualify
    row_number() over (order by erlangs desc, date) <= 7
    or row_number() over (order by peak_concurrent_calls desc, date) = 1
order by erlangs desc, date
""",
    ),
    "signals": Query(
        "Signals",
        "A row is a signal, the most severe first.",
        """
select
    signal_date, severity, rule, entity_type, entity, observed, threshold, baseline, calls, amount_reporting
from marts.mart_signals
where signal_date between {first} and {last} {application}
order by case severity when 'critical' then 0 when 'warn' then 1 else 2 end, signal_date desc, rule, entity
""",
        40,
    ),
    "signal_weeks": Query(
        "Signals by rule and week",
        "A row is a rule and a week, by its Monday.",
        """
select rule, date_trunc('week', signal_date)::date as week, count(*) as signals
from marts.mart_signals
where signal_date between {first} and {last} {application}
group by all
order by rule, week
""",
    ),
    "signal_rules": Query(
        "Rules that wait for history",
        "A row is a rule with less history than it needs, as of the last build.",
        """
select rule, status, days_of_history, days_needed
from marts.mart_signal_rules
where status in ('short_history', 'silent')
order by status desc, rule
""",
    ),
    "exceptions": Query(
        "Exceptional charges by rule",
        "A row is a rule and a currency; a call can be in several.",
        """
select rule, currency, count(*) as calls, sum(amount) as amount, sum(expected_amount) as expected_amount
from marts.mart_cost_exceptions
where {scope}
group by all
order by calls desc, rule, currency
""",
    ),
    "exceptional_calls": Query(
        "Calls with an exceptional charge",
        "A row is a currency; each call counts once.",
        """
select currency, count(*) as calls, sum(amount) as amount
from (select distinct call_key, currency, amount from marts.mart_cost_exceptions where {scope})
group by currency
order by calls desc, currency
""",
    ),
    "invoices": Query(
        "Amounts of the records and of invoices",
        "A row is a month of the account or of an application in a currency.",
        """
select month, scope, application_key, currency, cdr_amount, invoice_amount, variance, variance_pct, verdict
from marts.mart_invoice_reconciliation
where month between date_trunc('month', {first}) and {last} {application}
order by month desc, scope, application_key, currency
""",
        24,
    ),
}


def scope_of(
    connection: "duckdb.DuckDBPyConnection", first: date | None, last: date | None, application: str | None
) -> Scope:
    """The scope of the page: by default the days with calls among the thirty report dates up to the newest
    complete one, or, where none is complete, up to the newest that is not in the future: a mistyped CallTime
    can have any date.

    Raises CdrError when nothing is built, there are no calls, or there is no such application.
    """
    if not has_table(connection, "marts", "mart_quality_daily"):
        raise CdrError("the marts are not built yet; run `cdr build` first")
    today = datetime.now(UTC).date()
    key, name = _application(connection, application) if application is not None else (None, "")
    condition = f"(application_key = {literal(key)})" if key else "true"
    oldest, newest = one_row(
        connection,
        "select min(report_date), max(report_date) filter (report_date <= ?) from marts.mart_quality_daily"
        f" where {condition}",
        [today + timedelta(days=1)],
    )
    complete = newest_complete_day(connection)
    last = last or complete or newest or today
    if first is None:
        first = last - timedelta(days=DEFAULT_DAYS - 1)
        (oldest_of_them,) = one_row(
            connection,
            "select min(report_date) from marts.mart_quality_daily"
            f" where report_date between ? and ? and {condition}",
            [first, last],
        )
        first = oldest_of_them or first
    if first > last:
        raise CdrError(f"--from {first} is after --to {last}; name an earlier day")
    (calls,) = one_row(
        connection,
        f"select count(*) from marts.mart_quality_daily where report_date between ? and ? and {condition}",
        [first, last],
    )
    if not calls:
        there_are = (
            f"calls are from {oldest} to {newest or oldest}" if oldest else "there are no calls at all"
        )
        of_it = f" of {name}" if key else ""
        raise CdrError(f"no calls{of_it} from {first} to {last}; {there_are}")
    scope = Scope(first, last)
    stalled = stalled_feed(connection, today) if complete is None or last >= complete else None
    return replace(
        scope,
        application_key=key,
        application=name if key else scope.application,
        is_compared=are_complete(connection, scope.previous_first, last)
        and not _begins_later(connection, scope),
        stalled=stalled.sentence if stalled else "",
        currency=reporting_currency(connection),
    )


def _application(connection: "duckdb.DuckDBPyConnection", application: str) -> tuple[str, str]:
    """Return the key and the name of an application, by either."""
    found = connection.execute(
        "select application_key, coalesce(application_name, application_key) from marts.dim_applications "
        "where application_key = ? or application_name = ?",
        [application.lower(), application],
    ).fetchone()
    if found is None:
        raise CdrError(f"there is no application {application}; marts.dim_applications has keys and names")
    key, name = found
    return str(key), str(name)


def _begins_later(connection: "duckdb.DuckDBPyConnection", scope: Scope) -> bool:
    """Whether a kind has its first file within the days, or among those to compare with."""
    if not has_table(connection, "marts", "mart_feed_completeness"):
        return False
    (kinds,) = one_row(
        connection,
        "select count(*) from (select min(file_date) as first_day from marts.mart_feed_completeness"
        " group by call_type) where first_day > ? and first_day <= ?",
        [scope.previous_first, scope.last],
    )
    return bool(kinds)


def reporting_currency(connection: "duckdb.DuckDBPyConnection") -> str:
    """Return the currency whose amounts are not converted; "" where it is not certain."""
    if not has_table(connection, "marts", "mart_cost_daily"):
        return ""
    found = connection.execute(
        "select currency from marts.mart_cost_daily where amount <> 0 group by currency"
        " having bool_and(amount_reporting is not distinct from amount)"
    ).fetchall()
    return str(found[0][0]) if len(found) == 1 else ""


def run_all(connection: "duckdb.DuckDBPyConnection", scope: Scope) -> dict[str, Result]:
    """Every query's result by its name."""
    return {result.name: result for result in _run(connection, scope)}


def _run(connection: "duckdb.DuckDBPyConnection", scope: Scope) -> Iterator[Result]:
    key = scope.application_key
    application = f"and application_key = {literal(key)}" if key else ""
    words = {
        "first": f"date '{scope.first}'",
        "last": f"date '{scope.last}'",
        "before": f"date '{scope.previous_first if scope.is_compared else scope.first}'",
        "application": application,
        "scope": f"report_date between date '{scope.first}' and date '{scope.last}' {application}".strip(),
        "busy_scope": f"scope = 'application' {application}" if key else "scope = 'account'",
    }
    for name, query in _QUERIES.items():
        missing = next((mart for mart in query.marts if not has_table(connection, "marts", mart)), "")
        limit = f"\nlimit {query.limit}" if query.limit else ""
        sql = query.sql.strip().format(**words)
        if missing:
            yield Result(name, query, sql + limit, (), [], missing)
            continue
        cursor = connection.execute(sql)
        columns = tuple(column[0] for column in cursor.description or ())
        yield Result(name, query, sql + limit, columns, cursor.fetchall())
