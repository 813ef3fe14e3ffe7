"""The summary of the daily job: figures of the newest complete day."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from loader.database.feed import FeedFinding, are_complete, feed_findings, newest_complete_day
from loader.database.schema import has_table
from loader.database.sql import one_row

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Spend:
    """A currency's amount of the day, and of the day before (None: without amounts, or not complete)."""

    currency: str
    amount: Decimal
    previous_amount: Decimal | None

    @property
    def change_pct(self) -> float | None:
        """Per cent more than the day before; None where that has no amount."""
        if not self.previous_amount:
            return None
        return float(100 * (self.amount - self.previous_amount) / self.previous_amount)


@dataclass(frozen=True)
class KindOfDay:
    """A kind's calls of the day, those answered, and ASR (answers / seizures), which has no meaning over all
    kinds together.
    """

    call_type: str
    calls: int
    answers: int
    asr: float | None


@dataclass(frozen=True)
class WaitingRule:
    """A rule of mart_signals without enough history: `short_history` or `silent`."""

    rule: str
    status: str
    days_of_history: int
    days_needed: int


@dataclass(frozen=True)
class Summary:
    """The newest complete report date's calls by kind and spend, the number of missing files, errors of the
    feed, and the rules without enough history. Without a complete day there are no date, calls and spend.
    """

    report_date: date | None
    calls: int
    answers: int
    kinds: list[KindOfDay]
    spend: list[Spend]
    unreadable_values: int
    missing_days: int
    waiting_rules: list[WaitingRule]
    feed: list[FeedFinding]


def summarise(connection: "duckdb.DuckDBPyConnection", today: date | None = None) -> Summary | None:
    """Return the figures of the newest complete report date; None where the marts are not built."""
    if not all(has_table(connection, "marts", mart) for mart in ("mart_quality_daily", "mart_cost_daily")):
        return None
    day = newest_complete_day(connection)
    kinds = [KindOfDay(*row) for row in _kinds(connection, day)] if day else []
    return Summary(
        day,
        sum(kind.calls for kind in kinds),
        sum(kind.answers for kind in kinds),
        kinds,
        [Spend(*row) for row in _spend(connection, day)] if day else [],
        _count(connection, "mart_feed_invalid_fields", "coalesce(sum(records), 0)::bigint", "true"),
        _count(connection, "mart_feed_completeness", "count(*)", "status = 'missing'"),
        [WaitingRule(*row) for row in _waiting_rules(connection)],
        feed_findings(connection, today),
    )


def reporting_currency(connection: "duckdb.DuckDBPyConnection") -> str:
    """Return the currency whose amounts are not converted; "" where it is not certain."""
    if not has_table(connection, "marts", "mart_cost_daily"):
        return ""
    found = connection.execute(
        "select currency from marts.mart_cost_daily where amount <> 0 group by currency"
        " having bool_and(amount_reporting is not distinct from amount)"
    ).fetchall()
    return str(found[0][0]) if len(found) == 1 else ""


def _kinds(connection: "duckdb.DuckDBPyConnection", day: date) -> list[tuple[Any, ...]]:
    return connection.execute(
        """
        select call_type, sum(bids)::bigint as calls, sum(answers)::bigint as answers,
            sum(answers) / nullif(sum(seizures), 0) as asr
        from marts.mart_quality_daily
        where report_date = ?
        group by call_type
        order by calls desc, call_type
        """,
        [day],
    ).fetchall()


def _spend(connection: "duckdb.DuckDBPyConnection", day: date) -> list[tuple[Any, ...]]:
    before = day - timedelta(days=1)
    compared = before if are_complete(connection, before, before) else None
    return connection.execute(
        """
        select
            case
                when regexp_full_match(currency, '[A-Z]{3}') then currency
                -- a number or a name in the wrong column: its shape
                else regexp_replace(regexp_replace(currency, '\\d', '9', 'g'), '\\pL', 'a', 'g')
            end,
            sum(amount) filter (report_date = $day) as amount,
            sum(amount) filter (report_date = $before) as previous_amount
        from marts.mart_cost_daily
        where currency is not null and report_date in ($before, $day)
        group by currency
        having amount is not null
        order by currency <> $reporting, currency
        """,
        {"day": day, "before": compared, "reporting": reporting_currency(connection)},
    ).fetchall()


def _waiting_rules(connection: "duckdb.DuckDBPyConnection") -> list[tuple[Any, ...]]:
    if not has_table(connection, "marts", "mart_signal_rules"):
        return []
    return connection.execute(
        """
        select rule, status, days_of_history, days_needed
        from marts.mart_signal_rules
        where status in ('short_history', 'silent')
        order by status desc, rule
        """
    ).fetchall()


def _count(connection: "duckdb.DuckDBPyConnection", mart: str, expression: str, condition: str) -> int:
    if not has_table(connection, "marts", mart):
        return 0
    return int(one_row(connection, f"select {expression} from marts.{mart} where {condition}")[0])
