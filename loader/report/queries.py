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
from loader.report.summary import reporting_currency
from loader.text import counted

if TYPE_CHECKING:
    import duckdb

DEFAULT_DAYS = 30


@dataclass(frozen=True)
class Scope:
    """The report dates and the application of the page; no application means all. They are compared with as
    many days before where all of both are complete and no kind begins later. `stalled` is the sentence about
    a stalled feed where the dates include its newest day. `reporting_currency` is "" where it is not certain.
    `only_currency` leaves charges in others out: then nothing is converted.
    """

    first: date
    last: date
    application_key: str | None = None
    application: str = "all applications"
    is_compared: bool = False
    stalled: str = ""
    reporting_currency: str = ""
    only_currency: str | None = None

    @property
    def currency(self) -> str:
        """The one currency of all that is spent."""
        return self.only_currency or self.reporting_currency

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
        """The marts that it reads."""
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
# {amount} is what is summed as spend, in {currency}; {charged} is the condition on charges.
_QUERIES = {
    "headline": Query(
        "The headline by day",
        "A row is a day of these, or of those that they are compared with; spend is in {currency}.",
        """
select
    report_date,
    sum(calls)::bigint as calls,
    sum(minutes) as minutes,
    sum({amount}) filter (true {charged}) as spend,
    report_date in (
        select file_date from marts.mart_feed_completeness where status <> 'missing'
    ) as has_file
from marts.mart_cost_daily
where report_date between {before} and {last} {application}
group by report_date
order by report_date
""",
    ),
    "kinds": Query(
        "Answers by kind",
        "A row is a kind, the most seizures first; asr and ner are shares of the seizures.",
        """
select
    call_type,
    coalesce(sum(seizures) filter (report_date >= {first}), 0)::bigint as seizures,
    sum(answers) filter (report_date >= {first}) / nullif(sum(seizures) filter (report_date >= {first}), 0)
        as asr,
    sum(network_effective) filter (report_date >= {first})
        / nullif(sum(seizures) filter (report_date >= {first}), 0) as ner,
    sum(answers) filter (report_date < {first}) / nullif(sum(seizures) filter (report_date < {first}), 0)
        as previous_asr,
    sum(network_effective) filter (report_date < {first})
        / nullif(sum(seizures) filter (report_date < {first}), 0) as previous_ner
from marts.mart_quality_daily
where report_date between {before} and {last} {application}
group by call_type
order by seizures desc, call_type
""",
    ),
    "busy_days": Query(
        "Erlangs of each day's busy hour",
        "A row is a UTC day.",
        """
select
    date,
    busy_hour,
    erlangs,
    date in (select file_date from marts.mart_feed_completeness where status <> 'missing') as has_file
from marts.mart_busy_hour
where date between {before} and {last} and {busy_scope}
order by date
""",
    ),
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
        "A row is a currency of charges; spend is in {currency}; minutes are those of answered calls.",
        """
select
    currency,
    sum(amount) filter (report_date >= {first}) as amount,
    sum(amount) filter (report_date < {first}) as previous_amount,
    sum({amount}) filter (report_date >= {first}) as spend,
    coalesce(sum(calls) filter (report_date >= {first}), 0)::bigint as calls,
    coalesce(sum(minutes) filter (report_date >= {first}), 0) as minutes,
    coalesce(sum(unconverted_calls) filter (report_date >= {first}), 0)::bigint as unconverted_calls
from marts.mart_cost_daily
where report_date between {before} and {last} and currency is not null {application} {charged}
group by currency
having amount is not null
order by spend desc nulls last, amount desc, currency
""",
    ),
    "spend_daily": Query(
        "Spend by day and kind",
        "A row is a day of a kind; a day without a file has only late calls. Spend is in {currency}.",
        """
select
    costs.report_date,
    costs.call_type,
    sum(costs.{amount}) as spend,
    bool_or(files.file_date is not null) as has_file
from marts.mart_cost_daily as costs
left join marts.mart_feed_completeness as files
    on costs.report_date = files.file_date and costs.call_type = files.call_type and files.status <> 'missing'
where {scope} {charged}
group by costs.report_date, costs.call_type
having sum(costs.{amount}) is not null
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
    "applications": Query(
        "Spend by application",
        "A row is an application, the greatest spend (in {currency}) first; one without a name in the seed "
        "applications has its key.",
        """
select
    coalesce(applications.application_name, costs.application_key, 'not known') as application,
    coalesce(sum(costs.calls) filter (costs.report_date >= {first}), 0)::bigint as calls,
    coalesce(sum(costs.minutes) filter (costs.report_date >= {first}), 0) as minutes,
    sum(costs.{amount}) filter (costs.report_date >= {first}) as spend,
    sum(costs.{amount}) filter (costs.report_date < {first}) as previous_spend
from marts.mart_cost_daily as costs
left join marts.dim_applications as applications on costs.application_key = applications.application_key
where costs.report_date between {before} and {last} {costs_application} {charged}
group by costs.application_key, applications.application_name
having spend is not null
order by spend desc, application, costs.application_key
""",
        15,
    ),
    "destinations": Query(
        "Spend by country",
        "A row is a called country, the greatest spend (in {currency}) first; calls in a currency without a "
        "rate are in unconverted_calls alone.",
        """
select
    costs.destination_country as country,
    coalesce(countries.country_name, costs.destination_country, 'not known') as country_name,
    coalesce(sum(costs.calls) filter (costs.report_date >= {first}), 0)::bigint as calls,
    coalesce(sum(costs.minutes) filter (costs.report_date >= {first}), 0) as minutes,
    sum(costs.{amount}) filter (costs.report_date >= {first}) as spend,
    sum(costs.{amount}) filter (costs.report_date < {first}) as previous_spend,
    coalesce(sum(costs.unconverted_calls) filter (costs.report_date >= {first}), 0)::bigint
        as unconverted_calls
from marts.mart_cost_daily as costs
left join marts.dim_countries as countries on costs.destination_country = countries.country_code
where costs.report_date between {before} and {last} {application} {charged}
group by all
having spend is not null or unconverted_calls > 0
order by spend desc nulls last, country
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
where {scope} and destination_country is not null and currency is not null {charged}
group by all
having sum(charged_seconds) > 0
order by sum(charged_seconds) desc, country, currency
""",
        15,
    ),
    # The order needs one currency, which only calls have by user.
    "users": Query(
        "Users who spend most",
        "A row is a currency of one of the ten users who spend most in all; spend is in {currency}.",
        """
with

charges as (
    select
        user_id,
        currency,
        count(*) as calls,
        coalesce(sum(duration_seconds) filter (is_answered), 0) / 60 as minutes,
        sum(amount) as amount,
        sum({amount}) as spend,
        60 * sum(amount) filter (amount > 0 and duration_seconds is not null)
            / nullif(sum(duration_seconds) filter (amount > 0), 0) as effective_rate_per_minute
    from marts.fact_calls
    where {scope} and user_id is not null and currency is not null {charged}
    group by user_id, currency
    having sum(amount) is not null
),

users as (
    select user_id, sum(spend) as spend_of_user
    from charges
    group by user_id
    order by spend_of_user desc nulls last, user_id
    limit 10
)

select charges.*
from charges
inner join users using (user_id)
order by spend_of_user desc nulls last, user_id, spend desc nulls last, currency
""",
    ),
    "rate_changes": Query(
        "Changes of rates",
        "A row is a changed rate, the greatest change first; without a zone it is the whole country's.",
        """
select
    valid_from, call_type, destination_country, zone, currency, changed, change_pct, rate_per_minute,
    previous_rate_per_minute, connection_fee, increment
from marts.mart_rate_history
where valid_from between {first} and {last} and changed is not null {application} {charged}
order by abs(change_pct) desc nulls last, valid_from, destination_country, zone, call_type, currency
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
        "A row is a signal, the most severe first; amount_reporting is in {reporting_currency}.",
        """
with

shown as (
    select
        *,
        string_split(entity, ' > ')[1] as first_part,
        string_split(entity, ' > ')[2] as second_part
    from marts.mart_signals
    where signal_date between {first} and {last} {application}
)

select
    shown.signal_date,
    shown.severity,
    shown.rule,
    case
        when shown.entity_type = 'application' then coalesce(applications.application_name, shown.entity)
        when shown.entity_type = 'application_country'
            then concat(
                coalesce(applications.application_name, shown.first_part),
                ' > ',
                coalesce(countries.country_name, shown.second_part)
            )
        else shown.entity
    end as entity,
    shown.observed,
    shown.baseline,
    shown.threshold,
    shown.calls,
    shown.amount_reporting
from shown
left join marts.dim_applications as applications on shown.first_part = applications.application_key
left join marts.dim_countries as countries on shown.second_part = countries.country_code
order by
    case shown.severity when 'critical' then 0 when 'warn' then 1 else 2 end,
    shown.signal_date desc, shown.rule, shown.entity, shown.entity_type
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
        "Rules that can't fire yet, or in part",
        "A row is a rule that is switched off or has less history than it needs, as of the last build.",
        """
select rule, status, days_of_history, days_needed
from marts.mart_signal_rules
where status <> 'ready'
order by status desc, rule
""",
    ),
    "overcharges": Query(
        "Overcharges",
        "A row is an application, a country and a currency: what calls cost more than by the seed rate_card.",
        """
select
    coalesce(applications.application_name, charges.application_key, 'not known') as application,
    coalesce(countries.country_name, charges.destination_country, 'not known') as country,
    charges.currency,
    count(*) as calls,
    sum(charges.amount) as amount,
    sum(charges.expected_amount) as expected_amount,
    sum(charges.overcharge) as overcharge
from marts.mart_overcharges as charges
left join marts.dim_applications as applications on charges.application_key = applications.application_key
left join marts.dim_countries as countries on charges.destination_country = countries.country_code
where report_date between {first} and {last} {charges_application} {charged}
group by all
order by overcharge desc, application, country, currency
""",
        15,
    ),
    "exceptions": Query(
        "Exceptional charges by rule",
        "A row is a rule and a currency; a call can be in several.",
        """
select rule, currency, count(*) as calls, sum(amount) as amount, sum(expected_amount) as expected_amount
from marts.mart_cost_exceptions
where {scope} {charged}
group by all
order by calls desc, rule, currency
""",
    ),
    "exceptional_calls": Query(
        "Calls with an exceptional charge",
        "A row is a currency; each call counts once.",
        """
select currency, count(*) as calls, sum(amount) as amount
from (select distinct call_key, currency, amount from marts.mart_cost_exceptions where {scope} {charged})
group by currency
order by calls desc, currency
""",
    ),
    "invoices": Query(
        "Amounts of the records and of invoices",
        "A row is a month of the account or of an application in a currency.",
        """
select
    invoices.month,
    invoices.scope,
    coalesce(applications.application_name, invoices.application_key) as application,
    invoices.currency,
    invoices.cdr_amount,
    invoices.invoice_amount,
    invoices.variance,
    invoices.variance_pct,
    invoices.verdict
from marts.mart_invoice_reconciliation as invoices
left join marts.dim_applications as applications on invoices.application_key = applications.application_key
where invoices.month between date_trunc('month', {first}) and {last} {invoices_application} {charged}
order by invoices.month desc, invoices.scope, application, invoices.currency
""",
        24,
    ),
}


def scope_of(
    connection: "duckdb.DuckDBPyConnection",
    first: date | None,
    last: date | None,
    application: str | None = None,
    currency: str | None = None,
) -> Scope:
    """The scope of the page: by default the days with calls among the thirty report dates up to the newest
    complete one, or, where none is complete, up to the newest that is not in the future: a mistyped CallTime
    can have any date.

    Raises CdrError when nothing is built, there are no calls, or there is no such application or currency.
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
    if currency is not None and currency not in (currencies := _currencies(connection)):
        raise CdrError(f"no charge is in {currency}; there are {', '.join(currencies) or 'none'}")
    scope = Scope(first, last)
    stalled = stalled_feed(connection, today) if complete is None or last >= complete else None
    return replace(
        scope,
        application_key=key,
        application=name if key else scope.application,
        is_compared=are_complete(connection, scope.previous_first, last)
        and not _begins_later(connection, scope),
        stalled=stalled.sentence if stalled else "",
        reporting_currency=reporting_currency(connection),
        only_currency=currency,
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


def _currencies(connection: "duckdb.DuckDBPyConnection") -> list[str]:
    if not has_table(connection, "marts", "mart_cost_daily"):
        return []
    query = "select distinct currency from marts.mart_cost_daily where currency is not null order by currency"
    return [str(currency) for (currency,) in connection.execute(query).fetchall()]


def run_all(connection: "duckdb.DuckDBPyConnection", scope: Scope) -> dict[str, Result]:
    """Every query's result by its name."""
    return {result.name: result for result in _run(connection, scope)}


def _run(connection: "duckdb.DuckDBPyConnection", scope: Scope) -> Iterator[Result]:
    key = scope.application_key

    def of_application(table: str = "") -> str:
        return f"and {table}application_key = {literal(key)}" if key else ""

    application = of_application()
    only = scope.only_currency
    words = {
        "first": f"date '{scope.first}'",
        "last": f"date '{scope.last}'",
        "before": f"date '{scope.previous_first if scope.is_compared else scope.first}'",
        "application": application,
        "costs_application": of_application("costs."),
        "charges_application": of_application("charges."),
        "invoices_application": of_application("invoices."),
        "amount": "amount" if only else "amount_reporting",
        "charged": f"and currency = {literal(only)}" if only else "",
        "currency": f"{only}, of charges in it alone" if only else _converted(scope.reporting_currency),
        "reporting_currency": scope.reporting_currency or "the reporting currency",
        "scope": f"report_date between date '{scope.first}' and date '{scope.last}' {application}".strip(),
        "busy_scope": f"scope = 'application' {application}" if key else "scope = 'account'",
    }
    for name, query in _QUERIES.items():
        missing = next((mart for mart in query.marts if not has_table(connection, "marts", mart)), "")
        limit = f"\nlimit {query.limit}" if query.limit else ""
        sql = re.sub(" +$", "", query.sql.strip().format(**words), flags=re.MULTILINE)
        query = replace(query, caption=query.caption.format(**words))
        if missing:
            yield Result(name, query, sql + limit, (), [], missing)
            continue
        cursor = connection.execute(sql)
        columns = tuple(column[0] for column in cursor.description or ())
        yield Result(name, query, sql + limit, columns, cursor.fetchall())


def _converted(currency: str) -> str:
    return f"{currency}, converted" if currency else "the reporting currency, converted"
