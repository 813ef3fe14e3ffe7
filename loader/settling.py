"""Decides what becomes of each delivery, and loads files that do not depend on each other side by side.

Every file has a transaction of its own; they are published in the order in which they came.
"""

import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from loader.content import Content
from loader.discovery import Delivery
from loader.errors import FileError
from loader.feeds import KINDS
from loader.loading import Loaded, Unproven, uses_every_core, ways
from loader.manifest import DUPLICATE, FAILED, File, judge, next_file_id, record, transaction
from loader.naming import date_in_names
from loader.options import Options
from loader.recognition import Layout

if TYPE_CHECKING:
    import duckdb

SKIPPED, IGNORED = "skipped", "ignored"

# Files that are loaded at the same time.
LANES = min(4, os.cpu_count() or 1)

_CALL_TIME = r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.\d+)?(?:Z|([+-]\d{2}):?(\d{2}))?$"


@dataclass
class Prepared:
    """A delivery as it was read: content and layout, or why there is none."""

    delivery: Delivery
    content: Content | None = None
    layout: Layout | None = None
    problem: str | None = None
    ignored: str | None = None

    def discard(self) -> None:
        """Removes the unpacked copy, if there is one."""
        if self.content:
            self.content.discard()


@dataclass
class _Load:
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


class Desk:
    """Takes deliveries one after the other. A failure is recorded, never raised."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", options: Options, folder: Path) -> None:
        self._connection = connection
        self._options = options
        self._folder = folder
        self._next_id = next_file_id(connection)
        # In the order of the deliveries; None while it is being loaded.
        self._files: list[File | None] = []
        self._loads: deque[_Load] = deque()
        self._lanes = ThreadPoolExecutor(LANES)
        self._stopping = threading.Event()

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, error: object, *_: object) -> None:
        """After an error or an interrupt, loads that are under way are given up."""
        if error is not None:
            self._stopping.set()
        while self._loads:
            load = self._loads[0]
            # Again and again, since only a query under way is interrupted.
            load.connection.interrupt()
            if wait([load.result], timeout=0.05).done:
                self._close(load)
        self._lanes.shutdown()

    @property
    def settled(self) -> int:
        """How many of the deliveries taken are through."""
        return len(self._files) - len(self._loads)

    def take(self, prepared: Prepared) -> None:
        """Decides about a delivery, and has it loaded where that is due."""
        file = self._described(prepared)
        try:
            while not self._may_go_on(file, prepared.content):
                self._settle_first()
            settled = self._decided(file, prepared)
        except BaseException:
            prepared.discard()
            raise
        self._files.append(settled)
        if settled:
            prepared.discard()
            return
        assert prepared.content
        assert prepared.layout
        file.file_id = self._take_id()
        load = _Load(
            len(self._files) - 1,
            file,
            prepared,
            prepared.content,
            prepared.layout,
            self._connection.cursor(),
            self._loads[-1].result if self._loads else None,
        )
        load.result = self._lanes.submit(self._load, load)
        self._loads.append(load)

    def finish(self) -> list[File]:
        """What became of every delivery, in their order."""
        while self._loads:
            self._settle_first()
        return [file for file in self._files if file]

    def _may_go_on(self, file: File, content: Content | None) -> bool:
        alone = (content and uses_every_core(content)) or any(
            uses_every_core(load.content) for load in self._loads
        )
        related = any(load.is_related(file) for load in self._loads)
        return not self._loads or not (len(self._loads) == LANES or alone or related)

    def _settle_first(self) -> None:
        load = self._loads[0]
        self._files[load.place] = load.result.result()
        self._close(load)

    def _close(self, load: _Load) -> None:
        self._loads.popleft()
        load.connection.close()
        load.prepared.discard()

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _described(self, prepared: Prepared) -> File:
        """What is known of a delivery before its records are read."""
        delivery, content, layout = prepared.delivery, prepared.content, prepared.layout
        file = File(0, delivery.file_name, delivery.location)
        if prepared.ignored:
            return file
        options = self._options
        file.file_date = options.file_date or date_in_names(delivery.names, options.generated_names)
        if content:
            file.sha256, file.bytes = content.sha256, content.size
        if content and layout and not prepared.problem:
            file.kind, file.header, file.message = layout.kind, layout.header, layout.message
        return file

    def _decided(self, file: File, prepared: Prepared) -> File | None:
        """What becomes of a delivery; None where it is to be loaded."""
        if prepared.ignored:
            return replace(file, state=IGNORED, message=prepared.ignored)
        if prepared.problem or not (prepared.content and prepared.layout):
            file.file_id = self._next_id
            failed = _failed(self._connection, file, prepared.problem or "")
            # A failure that takes an earlier one's place keeps its number.
            self._next_id += failed.file_id == self._next_id
            return failed
        verdict = judge(
            self._connection,
            prepared.content.sha256,
            file.file_name,
            file.kind,
            file.file_date,
            prepared.layout.has_records,
        )
        equal = verdict.equal
        if equal is None:
            return None
        if verdict.known:
            return replace(
                file,
                state=SKIPPED,
                file_id=equal.file_id,
                kind=equal.kind,
                file_date=equal.file_date,
                message=f"known as file {equal.file_id}, {equal.state}",
            )
        duplicate = replace(
            file,
            file_id=self._take_id(),
            state=DUPLICATE,
            file_date=file.file_date or equal.file_date,
            message=f"same content as file {equal.file_id} ({equal.path}, {equal.state})",
        )
        with transaction(self._connection):
            record(self._connection, duplicate)
        return duplicate

    def _load(self, load: _Load) -> File:
        import duckdb

        try:
            return self._loaded(load)
        except (FileError, Unproven, OSError, duckdb.Error) as error:
            if self._stopping.is_set():
                raise
            return _failed(load.connection, load.file, str(error).splitlines()[0])

    def _loaded(self, load: _Load) -> File:
        import duckdb

        tried = ways(load.content, load.layout)
        for way in tried:
            file = replace(load.file)
            try:
                with transaction(load.connection):
                    loaded = way(load.connection, load.content, load.layout, file.file_id, self._folder)
                    loaded.check(load.content)
                    if load.before:
                        wait([load.before])
                    load.content.check_unchanged()
                    _publish(load.connection, file, load.content, loaded)
                    if self._options.dry_run and load.layout.kind:
                        load.connection.execute(f"delete from raw_sinch.{load.layout.kind}")
                return file
            except (Unproven, duckdb.Error):
                load.content.check_unchanged()
                if way is tried[-1] or self._stopping.is_set():
                    raise
        raise AssertionError("there is always a way")


def _failed(connection: "duckdb.DuckDBPyConnection", file: File, problem: str) -> File:
    """Records the file as failed. Where even that cannot be recorded, as on a full disk, it is still
    reported.
    """
    import duckdb

    failure = replace(file, state=FAILED, message=problem)
    with suppress(duckdb.Error), transaction(connection):
        record(connection, failure)
    return failure


def _publish(connection: "duckdb.DuckDBPyConnection", file: File, content: Content, loaded: Loaded) -> None:
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
