"""Which report dates are complete, as the last build found."""

from datetime import date
from typing import TYPE_CHECKING

from loader.database.schema import has_table

if TYPE_CHECKING:
    import duckdb


def newest_complete_day(connection: "duckdb.DuckDBPyConnection") -> date | None:
    """The newest report date whose files are all there; none where no day is complete or built."""
    if not has_table(connection, "marts", "mart_report_dates"):
        return None
    row = connection.execute(
        "select max(report_date) from marts.mart_report_dates where is_complete"
    ).fetchone()
    newest: date | None = row[0] if row else None
    return newest


def are_complete(connection: "duckdb.DuckDBPyConnection", first: date, last: date) -> bool:
    """Whether every day of a span is: what is compared with it otherwise would be compared with nothing."""
    if not has_table(connection, "marts", "mart_report_dates"):
        return False
    row = connection.execute(
        "select count(*) from marts.mart_report_dates where is_complete and report_date between ? and ?",
        [first, last],
    ).fetchone()
    return row is not None and int(row[0]) == (last - first).days + 1
