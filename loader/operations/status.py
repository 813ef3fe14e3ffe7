"""What is in the database at a glance, for people and for monitors."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from loader.builds.behind import behind
from loader.builds.fingerprint import PACKAGES
from loader.database.connection import opened
from loader.database.feed import FeedFinding, feed_findings, newest_complete_day
from loader.database.schema import has_table
from loader.database.space import Blocks, blocks
from loader.database.sql import one_row
from loader.feeds import KINDS

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Kind:
    """One kind's current files: how many, their records, and the first and newest day they cover."""

    kind: str
    files: int
    records: int
    first_day: date | None
    newest_day: date | None
    missing_days: list[date]


@dataclass(frozen=True)
class LastBuild:
    """The last build: when it ended (UTC), whether it passed, what failed, and how many tests warned."""

    ended_at: datetime
    command: str
    success: bool
    failed: list[str]
    warned: int


@dataclass(frozen=True)
class Status:
    """The state of a database. `age_days` counts whole days from the newest day of any kind to today in UTC;
    the tables are behind `files_behind` files or, where that is 0, `days_behind` days.
    """

    database: Path
    kinds: list[Kind]
    newest_complete_day: date | None
    feed: list[FeedFinding]
    newest_day: date | None
    age_days: int | None
    open_rejects: int
    failed_files: int
    files_behind: int
    days_behind: int
    last_build: LastBuild | None
    blocks: Blocks
    versions: dict[str, str]


def status(database: Path, wait: float = 0, today: date | None = None) -> Status:
    """Read the state of the database.

    Raises CdrError when it cannot be used.
    """
    with opened(database, "read", wait) as connection:
        complete = newest_complete_day(connection)
        kinds = [_kind(connection, kind) for kind in KINDS]
        rejects, failed = one_row(
            connection,
            "select coalesce(sum(rejected) filter (state = 'current'), 0)::bigint, "
            "count(*) filter (state = 'failed') from raw_sinch.files",
        )
        unbuilt = behind(connection)
        last_build = _last_build(connection)
        feed = feed_findings(connection, today)
    days = [kind.newest_day for kind in kinds if kind.newest_day]
    newest = max(days, default=None)
    age = ((today or datetime.now(UTC).date()) - newest).days if newest else None
    versions = {name: version(name) for name in PACKAGES}
    return Status(
        database,
        kinds,
        complete,
        feed,
        newest,
        age,
        rejects,
        failed,
        len(unbuilt.files),
        len(unbuilt.days),
        last_build,
        blocks(database),
        versions,
    )


def _kind(connection: "duckdb.DuckDBPyConnection", kind: str) -> Kind:
    files, records, first, newest = one_row(
        connection,
        # A day more than one day after its loading does not count: its year is mistyped.
        "select count(*), coalesce(sum(records), 0)::bigint, min(day), max(day) from ("
        "select records, case when file_date <= loaded_at::date + 1 then file_date end as day "
        "from raw_sinch.files where state = 'current' and kind = ?)",
        [kind],
    )
    return Kind(kind, files, records, first, newest, _missing_days(connection, kind))


def _missing_days(connection: "duckdb.DuckDBPyConnection", kind: str) -> list[date]:
    if not has_table(connection, "marts", "mart_feed_completeness"):
        return []
    rows = connection.execute(
        "select file_date from marts.mart_feed_completeness where call_type = ? and status = 'missing' "
        "order by file_date",
        [kind],
    ).fetchall()
    return [day for (day,) in rows]


def _last_build(connection: "duckdb.DuckDBPyConnection") -> LastBuild | None:
    if not has_table(connection, "intermediate", "build_runs"):
        return None
    row = connection.execute(
        "select ended_at, command, success, failed, warned from intermediate.build_runs "
        "order by ended_at desc limit 1"
    ).fetchone()
    if row is None:
        return None
    ended_at, command, success, failed, warned = row
    return LastBuild(ended_at, command, success, failed.split(", ") if failed else [], warned)
