"""What the daily job ends with: the newest day's figures, in a few lines."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.database.connection import opened
from loader.database.schema import has_table

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Spend:
    """A currency's amount of the day, and of the day before (null where there was none)."""

    currency: str
    amount: Decimal
    previous_amount: Decimal | None

    @property
    def change_pct(self) -> float | None:
        """Per cent more than the day before; none where that day had nothing to compare with."""
        if not self.previous_amount:
            return None
        return float(100 * (self.amount - self.previous_amount) / self.previous_amount)


@dataclass(frozen=True)
class Summary:
    """The newest report date's calls, answers, ASR (answers / seizures) and spend, and the days of the feed
    that are missing.
    """

    report_date: date | None
    calls: int
    answers: int
    asr: float | None
    spend: list[Spend]
    unreadable_values: int
    missing_days: int


def summarise(database: Path) -> Summary | None:
    """The figures of the newest report date; none where the marts are not built.

    Raises CdrError when the database cannot be used.
    """
    with opened(database, "read") as connection:
        if not all(
            has_table(connection, "marts", mart) for mart in ("mart_quality_daily", "mart_cost_daily")
        ):
            return None
        newest, calls, answers, asr = _one(
            connection,
            """
            select
                report_date, sum(bids)::bigint, sum(answers)::bigint,
                sum(answers) / nullif(sum(seizures), 0)
            from marts.mart_quality_daily
            where report_date = (select max(report_date) from marts.mart_quality_daily)
            group by report_date
            """,
            (None, 0, 0, None),
        )
        spend = [Spend(*row) for row in _spend(connection, newest)] if newest else []
        return Summary(
            newest,
            calls,
            answers,
            asr,
            spend,
            _count(connection, "mart_feed_invalid_fields", "coalesce(sum(records), 0)::bigint", "true"),
            _count(connection, "mart_feed_completeness", "count(*)", "status = 'missing'"),
        )


def _spend(connection: "duckdb.DuckDBPyConnection", day: date) -> list[tuple[Any, ...]]:
    return connection.execute(
        """
        select currency, sum(amount) filter (report_date = $day) as amount,
            sum(amount) filter (report_date = $day - interval 1 day) as previous_amount
        from marts.mart_cost_daily
        where currency is not null and report_date between $day - interval 1 day and $day
        group by currency
        having amount is not null
        order by amount desc, currency
        """,
        {"day": day},
    ).fetchall()


def _count(connection: "duckdb.DuckDBPyConnection", mart: str, expression: str, condition: str) -> int:
    if not has_table(connection, "marts", mart):
        return 0
    return int(_one(connection, f"select {expression} from marts.{mart} where {condition}", (0,))[0])


def _one(connection: "duckdb.DuckDBPyConnection", query: str, otherwise: tuple[Any, ...]) -> tuple[Any, ...]:
    return connection.execute(query).fetchone() or otherwise
