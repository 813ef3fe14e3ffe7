"""Loads one file in a transaction of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import transaction
from loader.database.manifest import File
from loader.errors import FileError
from loader.parsing.layout import Layout, NoRecords, cut
from loader.parsing.totals import ControlTotals
from loader.staging.looks import Looks
from loader.staging.options import Options
from loader.staging.prepare import Ready
from loader.staging.strategies import ControlTotalMismatch, FileLoad, LoadResult
from loader.staging.versioning import Change, Versions

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
    options: Options
    versions: Versions
    looks: Looks
    stopping: threading.Event
    # What comes of those that are published before it.
    before: "Future[list[File]] | None" = None

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
            return self.versions.record_failure(self.connection, self.file, cut(str(error).splitlines()[0]))

    def _run_strategies(self, layout: Layout) -> File:
        import duckdb

        content = self.ready.content
        load = FileLoad(
            self.connection,
            content,
            layout,
            self.file.file_id,
            self.folder,
            self.options.max_rejected_records,
        )
        *faster, last = load.strategies
        for strategy in faster:
            try:
                return self._publish(partial(strategy, load))
            except (ControlTotalMismatch, duckdb.Error):
                content.check_unchanged()
                if self.stopping.is_set():
                    raise
        return self._publish(partial(last, load))

    def _publish_empty(self, layout: NoRecords) -> File:
        totals = ControlTotals()
        totals.header.add(layout.offset, layout.line - 1)
        return self._publish(lambda: LoadResult(0, 0, totals))

    def _publish(self, load: Callable[[], LoadResult]) -> File:
        """Loads, completes the file's row with what was loaded, and writes it in its turn."""
        content, kind = self.ready.content, self.file.kind
        with transaction(self.connection):
            result = load()
            result.check(content)
            file = self.completed(result)
            if file.file_date is None and kind and file.staged:
                dates = latest_call_dates(self.connection, kind, [file.file_id])
                file.file_date = dates.get(file.file_id)
            if self.before:
                wait([self.before])
            content.check_unchanged()
            change = succession(self.versions, file, result)
            change.write(self.connection)
            self.looks.write(self.connection, [(change.file, content.seen)], self.options.reading)
            if self.options.dry_run and kind:
                self.connection.execute(f"delete from raw_sinch.{kind}")
        self.versions.committed(change)
        return change.file

    def completed(self, result: LoadResult) -> File:
        """The file's row with what was loaded."""
        profile, totals = self.ready.content.profile, result.totals
        return replace(
            self.file,
            staged=result.staged,
            rejected=result.rejected,
            records=result.staged + result.rejected,
            content_bytes=profile.size,
            accounted_bytes=totals.bytes,
            content_lines=profile.lines,
            accounted_lines=totals.lines,
        )


def succession(versions: Versions, file: File, result: LoadResult) -> Change:
    """The change that makes a loaded file current, with a word about what it replaces.

    Raises FileError where nothing of it could be staged although the version before has records.
    """
    change = versions.change(file)
    replaced = [earlier for earlier in change.superseded if earlier.staged]
    remarks = [file.message] if file.message else []
    if headers := result.totals.repeated.lines:
        remarks.append(f"{headers} repeated header{'s' if headers > 1 else ''} passed over")
    if result.odd_width and not file.staged and file.records:
        remarks.append(result.odd_width)
    for earlier in replaced:
        if not file.staged:
            why = "; ".join(remarks) or "no records"
            raise FileError(
                f"none of it can be staged ({why}), while file {earlier.file_id} has {earlier.staged:,} "
                f"records and stays current; withdraw file {earlier.file_id} if it should not"
            )
        remarks.insert(0, f"supersedes file {earlier.file_id} ({earlier.staged:,} records)")
    change.file.message = cut("; ".join(remarks))
    return change


def latest_call_dates(
    connection: "duckdb.DuckDBPyConnection", kind: str, file_ids: list[int]
) -> dict[int, date | None]:
    """The latest UTC date in each file's CallTime; a time without an offset is UTC."""
    rows = connection.execute(
        f"""
        with times as (
            select
                _file_id,
                regexp_extract(
                    trim("CallTime"), '{_CALL_TIME}', ['day', 'time', 'hours', 'minutes']
                ) as part
            from raw_sinch.{kind}
            where _file_id in (select unnest(?))
        )
        select
            _file_id,
            max(
                try_cast(part.day || ' ' || part.time as timestamp)
                - to_minutes(coalesce(try_cast(part.hours as integer), 0) * 60
                    + coalesce(try_cast(left(part.hours, 1) || part.minutes as integer), 0))
            )::date
        from times
        group by _file_id
        """,
        [file_ids],
    ).fetchall()
    return dict(rows)
