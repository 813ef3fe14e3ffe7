"""Loads one file in a transaction of its own."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from loader.database.manifest import File
from loader.feeds import KINDS
from loader.inputs.content import Content
from loader.parsing.layout import Layout
from loader.staging.prepare import Prepared
from loader.staging.strategies import Loaded
from loader.staging.versioning import record

if TYPE_CHECKING:
    import duckdb


_CALL_TIME = r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.\d+)?(?:Z|([+-]\d{2}):?(\d{2}))?$"


@dataclass
class Load:
    """A file on its way into the database, on a connection of its own."""

    # Its place among the deliveries, and what is known of it before it is loaded.
    place: int
    file: File
    prepared: Prepared
    content: Content
    layout: Layout
    connection: "duckdb.DuckDBPyConnection"
    # What comes of the one that is published before it.
    before: "Future[File] | None"
    result: "Future[File]" = field(default_factory=Future)

    def is_related(self, file: File) -> bool:
        """Whether what becomes of another file may depend on this one."""
        return file.sha256 == self.file.sha256 or file.file_name == self.file.file_name


def publish(connection: "duckdb.DuckDBPyConnection", file: File, content: Content, loaded: Loaded) -> None:
    """Completes the file's row with what was loaded, and writes it."""
    file.staged, file.rejected = loaded.staged, loaded.rejected
    file.records = loaded.staged + loaded.rejected
    file.content_bytes, file.accounted_bytes = content.counts.size, loaded.size
    file.content_lines, file.accounted_lines = content.counts.lines, loaded.lines
    if file.file_date is None and file.kind and file.staged:
        file.file_date = _latest_call_date(connection, file.kind, file.file_id)
    record(connection, file)


def _latest_call_date(connection: "duckdb.DuckDBPyConnection", kind: str, file_id: int) -> date | None:
    """The latest UTC date in the file's CallTime; a time without an offset is UTC."""
    assert kind in KINDS
    row = connection.execute(
        f"""
        with times as (
            select regexp_extract(
                trim("CallTime"), '{_CALL_TIME}', ['day', 'time', 'hours', 'minutes']
            ) as part
            from raw_sinch.{kind} where _file_id = ?
        )
        select max(
            try_cast(part.day || ' ' || part.time as timestamp)
            - to_minutes(coalesce(try_cast(part.hours as integer), 0) * 60
                + coalesce(try_cast(left(part.hours, 1) || part.minutes as integer), 0))
        )::date
        from times
        """,
        [file_id],
    ).fetchone()
    return row[0] if row else None
