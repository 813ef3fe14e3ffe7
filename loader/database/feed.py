"""The state of the feed: which days are complete, and a sentence for each error."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from loader.database.schema import has_table
from loader.database.sql import one_row
from loader.text import counted

if TYPE_CHECKING:
    import duckdb


def newest_complete_day(connection: "duckdb.DuckDBPyConnection") -> date | None:
    """Return the newest report date whose files are all there; None if no day is complete or built."""
    if not has_table(connection, "marts", "mart_report_dates"):
        return None
    query = "select max(report_date) from marts.mart_report_dates where is_complete"
    newest: date | None = one_row(connection, query)[0]
    return newest


def are_complete(connection: "duckdb.DuckDBPyConnection", first: date, last: date) -> bool:
    """Whether every day of a span is complete, so that others can be compared with it."""
    if not has_table(connection, "marts", "mart_report_dates"):
        return False
    (complete,) = one_row(
        connection,
        "select count(*) from marts.mart_report_dates where is_complete and report_date between ? and ?",
        [first, last],
    )
    return int(complete) == (last - first).days + 1


FINDINGS = "select finding, call_type, files, calls, of_calls, share, first_date, last_date"


class Row(NamedTuple):
    """A finding about one kind, as in marts.mart_feed_findings."""

    finding: str
    call_type: str
    files: int
    calls: int
    of_calls: int
    share: float | None
    first_date: date
    last_date: date


@dataclass(frozen=True)
class FeedFinding:
    """An error of the feed: its kinds (none: the whole feed), its days, and a sentence."""

    finding: str
    call_types: list[str]
    first_date: date
    last_date: date
    sentence: str


def feed_findings(connection: "duckdb.DuckDBPyConnection", today: date | None = None) -> list[FeedFinding]:
    """Return the findings of the last build, and one if no files arrived lately. `today` is in UTC."""
    rows: list[Row] = []
    if has_table(connection, "marts", "mart_feed_findings"):
        found = connection.execute(f"{FINDINGS} from marts.mart_feed_findings order by call_type").fetchall()
        rows = [Row(*row) for row in found]
    stalled = stalled_feed(connection, today)
    return [*([stalled] if stalled else []), *in_words(rows)]


def stalled_feed(connection: "duckdb.DuckDBPyConnection", today: date | None = None) -> FeedFinding | None:
    """Return a finding if the newest file is older than yesterday."""
    newest = _newest_file_date(connection)
    days = ((today or datetime.now(UTC).date()) - newest).days - 1 if newest else 0
    if newest is None or days < 1:
        return None
    since = f"the newest file of any kind is of {newest}"
    sentence = f"nothing for {counted(days, 'day')}: {since}; ask for what is missing"
    return FeedFinding("feed_stalled", [], newest, newest, sentence)


def in_words(rows: Sequence[Row]) -> list[FeedFinding]:
    """Return one finding with a sentence for each error, over all kinds that have it."""
    found = []
    for finding, words in _WORDS.items():
        of_it = [row for row in rows if row.finding == finding]
        if of_it:
            first, last = min(row.first_date for row in of_it), max(row.last_date for row in of_it)
            found.append(FeedFinding(finding, [row.call_type for row in of_it], first, last, words(of_it)))
    return found


def _newest_file_date(connection: "duckdb.DuckDBPyConnection") -> date | None:
    """Return the newest file date of the manifest; of the marts in a publication, which has no manifest."""
    if has_table(connection, "raw_sinch", "files"):
        # A day later than the one after loading does not count: its year is mistyped.
        query = (
            "select max(file_date) from raw_sinch.files "
            "where state = 'current' and kind is not null and file_date <= loaded_at::date + 1"
        )
    elif has_table(connection, "marts", "mart_feed_completeness"):
        query = "select max(file_date) from marts.mart_feed_completeness where files > 0"
    else:
        return None
    newest: date | None = one_row(connection, query)[0]
    return newest


def _names_a_day_late(rows: Sequence[Row]) -> str:
    return (
        f"names a day late in {_files(rows)}: {_share(rows)} of their calls ended on the day before; "
        "set CDR_NAME_DATE=generated? (what is staged: `cdr withdraw`, then stage it again)"
    )


def _names_a_day_early(rows: Sequence[Row]) -> str:
    return (
        f"names a day early in {_files(rows)}: {_share(rows)} of their calls ended on the day after; "
        "is CDR_NAME_DATE=generated set where it is not so? "
        "Otherwise `cdr withdraw`, then stage with --file-date"
    )


def _kind_stalled(rows: Sequence[Row]) -> str:
    kinds = ", ".join(
        f"{row.call_type} (nothing for {counted((row.last_date - row.first_date).days + 1, 'day')}, "
        f"from {row.first_date} on)"
        for row in rows
    )
    return f"stalled, while other kinds came: {kinds}; ask for it"


def _mixed_days(rows: Sequence[Row]) -> str:
    return (
        f"days mixed in {_files(rows)}: {_share(rows)} of their calls ended on another day than the file's; "
        "is its day by another time zone, or does it hold several days?"
    )


def _unanswered_with_duration(rows: Sequence[Row]) -> str:
    return (
        f"unanswered calls with a duration in {_files(rows)}: {_share(rows)} of the unanswered; ask whether "
        "Duration is talk time before you trust minutes"
    )


def _newest_day_open(rows: Sequence[Row]) -> str:
    shares = ", ".join(f"{100 * (row.share or 0):.0f} % of {row.call_type}" for row in rows)
    return f"{rows[0].first_date} is still open: of a day's calls usually come later {shares}"


# In display order.
_WORDS: dict[str, Callable[[Sequence[Row]], str]] = {
    "kind_stalled": _kind_stalled,
    "names_a_day_late": _names_a_day_late,
    "names_a_day_early": _names_a_day_early,
    "mixed_days": _mixed_days,
    "unanswered_with_duration": _unanswered_with_duration,
    "newest_day_open": _newest_day_open,
}


def _files(rows: Sequence[Row]) -> str:
    """Return the number of files with their kinds and days."""
    first, last = min(row.first_date for row in rows), max(row.last_date for row in rows)
    days = f"{first}" if first == last else f"{first} to {last}"
    kinds = ", ".join(row.call_type for row in rows)
    return f"{counted(sum(row.files for row in rows), 'file')} ({kinds}; {days})"


def _share(rows: Sequence[Row]) -> str:
    return f"{100 * sum(row.calls for row in rows) / sum(row.of_calls for row in rows):.0f} %"
