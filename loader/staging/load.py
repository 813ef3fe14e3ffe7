"""Loads one file in a transaction of its own."""

import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import transaction
from loader.database.manifest import File
from loader.errors import FileError
from loader.parsing.layout import Layout, NoRecords
from loader.parsing.totals import ControlTotals
from loader.staging.prepare import Ready
from loader.staging.strategies import ControlTotalMismatch, FileLoad, LoadResult
from loader.staging.versioning import record, record_failure

if TYPE_CHECKING:
    import duckdb

_CALL_TIME = r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.\d+)?(?:Z|([+-]\d{2}):?(\d{2}))?$"


@dataclass
class Load:
    """A file on its way into the database, on a connection of its own."""

    # Its place among the deliveries.
    place: int
    file: File
    ready: Ready
    connection: "duckdb.DuckDBPyConnection"
    folder: Path
    # Nothing stays in the database but the manifest's row.
    dry_run: bool
    stopping: threading.Event
    # What comes of the one that is published before it.
    before: "Future[File] | None"
    result: "Future[File]" = field(default_factory=Future)

    def is_related(self, file: File) -> bool:
        """Whether what becomes of another file may depend on this one."""
        return file.sha256 == self.file.sha256 or file.file_name == self.file.file_name

    def run(self) -> File:
        """Loads and publishes the file, whole or not at all; a failure is recorded."""
        import duckdb

        try:
            layout = self.ready.layout
            if isinstance(layout, Layout):
                return self._run_strategies(layout)
            return self._publish_empty(layout)
        except (FileError, ControlTotalMismatch, OSError, duckdb.Error) as error:
            if self.stopping.is_set():
                raise
            return record_failure(self.connection, self.file, str(error).splitlines()[0])

    def _run_strategies(self, layout: Layout) -> File:
        import duckdb

        content = self.ready.content
        load = FileLoad(self.connection, content, layout, self.file.file_id, self.folder)
        *faster, last = load.strategies
        for strategy in faster:
            try:
                with transaction(self.connection):
                    return self._publish(strategy(load), layout)
            except (ControlTotalMismatch, duckdb.Error):
                content.check_unchanged()
                if self.stopping.is_set():
                    raise
        with transaction(self.connection):
            return self._publish(last(load), layout)

    def _publish_empty(self, layout: NoRecords) -> File:
        totals = ControlTotals()
        totals.header.add(layout.offset, layout.line - 1)
        with transaction(self.connection):
            return self._publish(LoadResult(0, 0, totals), layout)

    def _publish(self, result: LoadResult, layout: Layout | NoRecords) -> File:
        """Completes the file's row with what was loaded, and writes it in its turn."""
        content = self.ready.content
        result.check(content)
        file = replace(self.file, staged=result.staged, rejected=result.rejected)
        file.records = result.staged + result.rejected
        file.content_bytes, file.accounted_bytes = content.profile.size, result.totals.bytes
        file.content_lines, file.accounted_lines = content.profile.lines, result.totals.lines
        if file.file_date is None and isinstance(layout, Layout) and file.staged:
            file.file_date = latest_call_date(self.connection, layout.kind, file.file_id)
        if self.before:
            wait([self.before])
        content.check_unchanged()
        record(self.connection, file)
        if self.dry_run and isinstance(layout, Layout):
            self.connection.execute(f"delete from raw_sinch.{layout.kind}")
        return file


def latest_call_date(connection: "duckdb.DuckDBPyConnection", kind: str, file_id: int) -> date | None:
    """The latest UTC date in the file's CallTime; a time without an offset is UTC."""
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
