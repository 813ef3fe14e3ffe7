"""Loads one file in its own transaction."""

import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.calls import call_dates
from loader.database.connection import reason, transaction
from loader.database.manifest import File, latest_day, now
from loader.errors import FileError
from loader.parsing.layout import Layout, NoRecords, cut
from loader.parsing.totals import ControlTotals
from loader.staging.looks import Looks
from loader.staging.options import Options
from loader.staging.prepare import Ready
from loader.staging.strategies import ControlTotalMismatch, FileLoad, LoadResult
from loader.staging.succession import Records, succeed
from loader.staging.versioning import Versions

if TYPE_CHECKING:
    import duckdb


@dataclass
class Load:
    """A file to be loaded, on its own connection."""

    # Its place among the deliveries.
    place: int
    file: File
    ready: Ready
    connection: "duckdb.DuckDBPyConnection"
    folder: Path
    options: Options
    versions: Versions
    looks: Looks
    records: Records
    stopping: threading.Event
    # The result of the files that are published before it.
    before: "Future[list[File]] | None" = None

    def run(self) -> File:
        """Load and publish the file, whole or not at all, or record its failure."""
        import duckdb

        try:
            layout = self.ready.layout
            if isinstance(layout, Layout):
                return self._run_strategies(layout)
            return self._publish_empty(layout)
        except (FileError, ControlTotalMismatch, OSError, duckdb.Error) as error:
            if self.stopping.is_set():
                raise
            return self.versions.record_failure(self.connection, self.file, cut(reason(error)))

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
        """Load the file, complete its row of the manifest, and write it in its turn."""
        content = self.ready.content
        with transaction(self.connection):
            result = load()
            result.check(content)
            (file,) = complete_days(self.connection, [self.completed(result)])
            if self.before:
                wait([self.before])
            content.check_unchanged()
            (change,) = succeed(self.connection, self.records, self.versions, [file], [result])
            change.write(self.connection)
            self.looks.write(self.connection, [(change.file, content.seen)], self.options.reading)
            self.records.forget(self.connection, [change.file])
        self.versions.committed(change)
        return change.file

    def completed(self, result: LoadResult) -> File:
        """Return the file's row with the numbers of what was loaded."""
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


def complete_days(
    connection: "duckdb.DuckDBPyConnection", files: list[File], records: Records | None = None
) -> list[File]:
    """Complete the days of files by their calls. A missing `file_date` becomes the latest day of a call, of
    those up to tomorrow if there are any. A range of days begins no earlier than the first call.
    """
    asked: dict[str, list[int]] = defaultdict(list)
    for file in files:
        if file.kind and file.staged and (file.file_date is None or file.covers_from):
            asked[file.kind].append(file.file_id)
    found: dict[int, tuple[date, date]] = {}
    for kind, file_ids in asked.items():
        for table in (records or Records()).tables(connection, kind):
            rows = connection.execute(
                f"""
                select _file_id, min(day), coalesce(max(day) filter (day <= $latest), max(day))
                from ({call_dates(table, "_file_id in (select unnest($file_ids))")})
                group by _file_id
                """,
                {"latest": latest_day(now()), "file_ids": file_ids},
            ).fetchall()
            found.update({file_id: (first, last) for file_id, first, last in rows})
    return [_with_days(file, *found.get(file.file_id, (None, None))) for file in files]


def _with_days(file: File, first: date | None, last: date | None) -> File:
    covers_from = max(file.covers_from, first) if file.covers_from and first else None
    return replace(file, file_date=file.file_date or last, covers_from=covers_from)
