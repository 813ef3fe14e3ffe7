"""Decides what becomes of each delivery, and loads files that do not depend on each other side by side.

Every file has a transaction of its own; they are published in the order in which they came.
"""

import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING

from loader.database.manifest import File, State
from loader.parsing.layout import cut
from loader.staging.load import Load
from loader.staging.prepare import Failed, Ignored, PassedOver, Preparation, Prepared, Ready, Unchanged
from loader.staging.strategies import uses_every_core
from loader.staging.versioning import decide

if TYPE_CHECKING:
    import duckdb

# Files that are loaded at the same time.
LANES = min(4, os.cpu_count() or 1)


class LoadScheduler:
    """Takes deliveries one after the other. A failure is recorded, never raised."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", preparation: Preparation) -> None:
        self._connection = connection
        self._options = preparation.options
        self._folder = preparation.folder
        self._versions = preparation.versions
        self._looks = preparation.looks
        self._next_id = self._versions.next_id
        # In the order of the deliveries; None while it is being loaded.
        self._files: list[File | None] = []
        self._loads: deque[Load] = deque()
        self._lanes = ThreadPoolExecutor(LANES)
        self._stopping = threading.Event()

    def __enter__(self) -> "LoadScheduler":
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
        if error is None:
            self._looks.save(self._connection)

    @property
    def done(self) -> int:
        """How many of the deliveries submitted are through."""
        return len(self._files) - len(self._loads)

    def submit(self, prepared: Prepared) -> None:
        """Decides about a delivery, and has it loaded where that is due."""
        try:
            while not self._may_go_on(prepared):
                self._finish_first()
            file = self._decided(prepared)
        except BaseException:
            prepared.discard()
            raise
        self._files.append(file)
        if not isinstance(prepared, Ready):
            return
        if file is None:
            self._start(prepared)
        else:
            self._note(prepared, file)
            prepared.discard()

    def finish(self) -> list[File]:
        """What became of every delivery, in their order."""
        while self._loads:
            self._finish_first()
        return [file for file in self._files if file]

    def _start(self, ready: Ready) -> None:
        load = Load(
            place=len(self._files) - 1,
            file=replace(ready.file, file_id=self._take_id()),
            ready=ready,
            connection=self._connection.cursor(),
            folder=self._folder,
            options=self._options,
            versions=self._versions,
            stopping=self._stopping,
            before=self._loads[-1].result if self._loads else None,
        )
        load.result = self._lanes.submit(load.run)
        self._loads.append(load)

    def _may_go_on(self, prepared: Prepared) -> bool:
        alone = (isinstance(prepared, Ready) and uses_every_core(prepared.content)) or any(
            uses_every_core(load.ready.content) for load in self._loads
        )
        related = any(load.is_related(prepared.file) for load in self._loads)
        return not self._loads or not (len(self._loads) == LANES or alone or related)

    def _finish_first(self) -> None:
        load = self._loads[0]
        file = self._files[load.place] = load.result.result()
        self._note(load.ready, file)
        self._close(load)

    def _close(self, load: Load) -> None:
        self._loads.popleft()
        load.connection.close()
        load.ready.discard()

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _note(self, ready: Ready, file: File) -> None:
        """Remembers what its path holds, so that it need not be read again while it stays so."""
        if file.state != State.FAILED:
            self._looks.note(file.path, ready.content.seen, self._options.reading, file.file_id)

    def _decided(self, prepared: Prepared) -> File | None:
        """What becomes of a delivery; None where it is to be loaded."""
        file = prepared.file
        if isinstance(prepared, Ignored):
            return replace(file, state=PassedOver.IGNORED, message=prepared.reason)
        if isinstance(prepared, Unchanged):
            return _skipped(file, self._versions[prepared.file_id])
        if isinstance(prepared, Failed):
            failed = self._versions.record_failure(
                self._connection, replace(file, file_id=self._next_id), cut(prepared.problem)
            )
            # A failure that takes an earlier one's place keeps its number.
            self._next_id += failed.file_id == self._next_id
            return failed
        decision = decide(
            self._versions.of_content(file.sha256),
            file,
            prepared.layout.has_records,
            self._is_delivered_again(prepared),
        )
        existing = decision.existing
        if existing is None:
            return None
        if decision.redelivered:
            return _skipped(file, existing)
        duplicate = replace(
            file,
            file_id=self._take_id(),
            state=State.DUPLICATE,
            file_date=file.file_date or existing.file_date,
            message=f"same content as file {existing.file_id} ({existing.path}, {existing.state})",
        )
        return self._versions.record(self._connection, duplicate)

    def _is_delivered_again(self, ready: Ready) -> bool:
        """Whether a path holds something new, or something changed, since the last look there."""
        if self._options.again:
            return True
        if look := self._looks.at(ready.file.path):
            return not look.is_of(ready.content.seen)
        last = self._versions.at_path(ready.file.path)
        return last is None or last.sha256 != ready.file.sha256


def _skipped(file: File, existing: File) -> File:
    """What is said of a delivery that is known, and how it would count again."""
    remedy = {
        State.SUPERSEDED: "; stage it with --again to make it current",
        State.WITHDRAWN: ""
        if existing.is_purged
        else f"; `cdr withdraw --undo {existing.file_id}` undoes it",
    }.get(State(existing.state), "") * (not existing.is_purged)
    return replace(
        file,
        state=PassedOver.SKIPPED,
        file_id=existing.file_id,
        kind=existing.kind,
        file_date=existing.file_date,
        message=f"known as file {existing.file_id}, {existing.state}{remedy}",
    )
