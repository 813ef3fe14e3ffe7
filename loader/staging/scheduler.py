"""Decides what becomes of each delivery, and loads files that do not depend on each other side by side.

Every file has a transaction of its own; they are published in the order in which they came.
"""

import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import transaction
from loader.database.manifest import File, State, next_file_id
from loader.errors import FileError
from loader.inputs.content import Content
from loader.inputs.naming import date_in_names
from loader.staging.load import Load, publish
from loader.staging.options import Options
from loader.staging.prepare import IGNORED, SKIPPED, Prepared
from loader.staging.strategies import Unproven, uses_every_core, ways
from loader.staging.versioning import judge, record, record_failure

if TYPE_CHECKING:
    import duckdb


# Files that are loaded at the same time.
LANES = min(4, os.cpu_count() or 1)


class Desk:
    """Takes deliveries one after the other. A failure is recorded, never raised."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", options: Options, folder: Path) -> None:
        self._connection = connection
        self._options = options
        self._folder = folder
        self._next_id = next_file_id(connection)
        # In the order of the deliveries; None while it is being loaded.
        self._files: list[File | None] = []
        self._loads: deque[Load] = deque()
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
        load = Load(
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

    def _close(self, load: Load) -> None:
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
            failed = record_failure(self._connection, file, prepared.problem or "")
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
            state=State.DUPLICATE,
            file_date=file.file_date or equal.file_date,
            message=f"same content as file {equal.file_id} ({equal.path}, {equal.state})",
        )
        with transaction(self._connection):
            record(self._connection, duplicate)
        return duplicate

    def _load(self, load: Load) -> File:
        import duckdb

        try:
            return self._loaded(load)
        except (FileError, Unproven, OSError, duckdb.Error) as error:
            if self._stopping.is_set():
                raise
            return record_failure(load.connection, load.file, str(error).splitlines()[0])

    def _loaded(self, load: Load) -> File:
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
                    publish(load.connection, file, load.content, loaded)
                    if self._options.dry_run and load.layout.kind:
                        load.connection.execute(f"delete from raw_sinch.{load.layout.kind}")
                return file
            except (Unproven, duckdb.Error):
                load.content.check_unchanged()
                if way is tried[-1] or self._stopping.is_set():
                    raise
        raise AssertionError("there is always a way")
