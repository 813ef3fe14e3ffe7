"""Decides about each delivery, and loads files that do not depend on each other in parallel.

Every file has its own transaction; they are published in the order of the deliveries.
"""

import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from loader.database.connection import cursor
from loader.database.manifest import File, State
from loader.parsing.layout import cut
from loader.staging.load import Load, complete_days
from loader.staging.prepare import Failed, Ignored, PassedOver, Preparation, Prepared, Ready, Unchanged
from loader.staging.small import LoadGroup, is_small
from loader.staging.strategies import uses_every_core
from loader.staging.versioning import decide, original_of

if TYPE_CHECKING:
    import duckdb

# Files that are loaded at the same time.
LANES = min(4, os.cpu_count() or 1)


class LoadScheduler:
    """Accepts deliveries one after the other. A failure is recorded, never raised."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", preparation: Preparation) -> None:
        self._connection = connection
        self._options = preparation.options
        self._folder = preparation.folder
        self._versions = preparation.versions
        self._looks = preparation.looks
        self._records = preparation.records
        self._next_id = self._versions.next_id
        # In the order of the deliveries; None while one is being loaded.
        self._files: list[File | None] = []
        self._under_way = 0
        self._groups: deque[LoadGroup] = deque()
        # Small files to be loaded together with the next ones.
        self._waiting: LoadGroup | None = None
        self._lanes = ThreadPoolExecutor(LANES)
        self._stopping = threading.Event()

    def __enter__(self) -> "LoadScheduler":
        return self

    def __exit__(self, error: object, *_: object) -> None:
        """Abort loads that still run, as after an error or an interrupt."""
        if error is not None:
            self._stopping.set()
        if self._waiting:
            self._discard(self._waiting)
        while self._groups:
            group = self._groups[0]
            # Repeated, since only a running query is interrupted.
            group.connection.interrupt()
            if wait([group.result], timeout=0.05).done:
                self._discard(self._groups.popleft())
        self._lanes.shutdown()
        if error is None:
            self._looks.save(self._connection)

    @property
    def done(self) -> int:
        """The number of submitted deliveries that are done."""
        return len(self._files) - self._under_way

    def submit(self, prepared: Prepared) -> None:
        """Decide about a delivery, and load it if due."""
        try:
            self._wait_for_related(prepared.file)
            file = self._decided(prepared)
        except BaseException:
            prepared.discard()
            raise
        self._files.append(file)
        if not isinstance(prepared, Ready):
            return
        if file is None:
            self._under_way += 1
            self._load(prepared)
        else:
            self._note(prepared, file)
            prepared.discard()

    def finish(self) -> list[File]:
        """Return the files of all deliveries, in their order, when all are done."""
        self._finish_all()
        return [file for file in self._files if file]

    def _load(self, ready: Ready) -> None:
        """Start loading a file in the order of the deliveries, alone or with other small files."""
        if not is_small(ready):
            self._start_waiting()
            if self._needs_every_core(ready):
                self._finish_all()
            self._start(self._group_with(ready))
            return
        self._waiting = self._group_with(ready)
        if self._waiting.is_full:
            self._start_waiting()

    def _group_with(self, ready: Ready) -> LoadGroup:
        group = self._waiting or LoadGroup(cursor(self._connection), None)
        load = Load(
            place=len(self._files) - 1,
            file=replace(ready.file, file_id=self._take_id()),
            ready=ready,
            connection=group.connection,
            folder=self._folder,
            options=self._options,
            versions=self._versions,
            looks=self._looks,
            records=self._records,
            stopping=self._stopping,
        )
        group.add(load)
        return group

    def _start_waiting(self) -> None:
        if self._waiting:
            group, self._waiting = self._waiting, None
            self._start(group)

    def _start(self, group: LoadGroup) -> None:
        while len(self._groups) == LANES:
            self._finish_first()
        group.before = self._groups[-1].result if self._groups else None
        for load in group.loads:
            load.before = group.before
        group.result = self._lanes.submit(group.run)
        self._groups.append(group)

    def _needs_every_core(self, ready: Ready) -> bool:
        return uses_every_core(ready.content) or any(
            uses_every_core(load.ready.content) for group in self._groups for load in group.loads
        )

    def _wait_for_related(self, file: File) -> None:
        if self._waiting and self._waiting.is_related(file):
            self._start_waiting()
        while any(group.is_related(file) for group in self._groups):
            self._finish_first()

    def _finish_all(self) -> None:
        self._start_waiting()
        while self._groups:
            self._finish_first()

    def _finish_first(self) -> None:
        group = self._groups[0]
        for load, file in zip(group.loads, group.result.result(), strict=True):
            self._files[load.place] = file
            self._note(load.ready, file)
        self._under_way -= len(group.loads)
        self._discard(self._groups.popleft())

    def _discard(self, group: LoadGroup) -> None:
        group.connection.close()
        for load in group.loads:
            load.ready.discard()

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _note(self, ready: Ready, file: File) -> None:
        """Remember what its path holds, so that it is not read again while that is unchanged."""
        if file.state != State.FAILED:
            self._looks.note(file, ready.content.seen, self._options.reading)

    def _decided(self, prepared: Prepared) -> File | None:
        """Return the file of a delivery that is not loaded; None for one to be loaded."""
        file = prepared.file
        if isinstance(prepared, Ignored):
            return replace(file, state=PassedOver.IGNORED, message=prepared.reason)
        if isinstance(prepared, Unchanged):
            self._looks.complete(file.path, prepared.seen)
            return self._skipped(file, self._versions[prepared.file_id])
        if isinstance(prepared, Failed):
            failed = self._versions.record_failure(
                self._connection, replace(file, file_id=self._next_id), cut(prepared.problem)
            )
            # A failure that replaces an earlier one keeps its number.
            self._next_id += failed.file_id == self._next_id
            return failed
        existing, redelivered = self._decision(prepared)
        if existing is None:
            return None
        if redelivered:
            return self._skipped(file, existing)
        duplicate = replace(
            file,
            file_id=self._take_id(),
            state=State.DUPLICATE,
            file_date=file.file_date or existing.file_date,
            message=f"same content as file {existing.file_id} ({existing.path}, {existing.state})"
            + _way_out(existing, file.file_date),
        )
        return self._versions.record(self._connection, duplicate)

    def _decision(self, ready: Ready) -> tuple[File | None, bool]:
        """Return the file that a delivery is known as, or None, and whether it is known by name, too."""
        file, has_records = ready.file, ready.layout.has_records
        again = self._is_delivered_again(ready)
        known = self._versions.of_content(file.sha256)
        decision = decide(known, file, has_records, again)
        existing = decision.existing
        is_current = decision.redelivered and existing is not None and existing.state == State.CURRENT
        if file.file_date is None and existing and has_records and not is_current:
            # Its own day decides; the records of the same content determine it.
            file.file_date = self._day_in_records(file, known)
            decision = decide(known, file, has_records, again)
        return decision.existing, decision.redelivered

    def _day_in_records(self, file: File, same_content: list[File]) -> date | None:
        original = original_of(file, [one for one in same_content if one.staged and not one.is_purged])
        if original is None:
            return None
        undated = replace(original, file_date=None, covers_from=None)
        (dated,) = complete_days(self._connection, [undated], self._records)
        return dated.file_date

    def _is_delivered_again(self, ready: Ready) -> bool:
        """Whether a path holds something new or changed since the last look."""
        if self._options.again:
            return True
        if look := self._looks.at(ready.file.path):
            return not look.is_of(ready.content.seen)
        last = self._versions.at_path(ready.file.path)
        return last is None or last.sha256 != ready.file.sha256

    def _skipped(self, file: File, existing: File) -> File:
        """Return the file of a known delivery, with a message how to make it count."""
        message, original = f"known as file {existing.file_id}, {existing.state}", existing
        if existing.state == State.DUPLICATE:
            found = original_of(existing, self._versions.of_content(existing.sha256))
            if found is not None:
                original = found
                message += f" of file {original.file_id}, {original.state}"
        return replace(
            file,
            state=PassedOver.SKIPPED,
            file_id=existing.file_id,
            kind=existing.kind,
            file_date=existing.file_date,
            message=message + _way_out(original, existing.file_date),
        )


def _way_out(original: File, day: date | None) -> str:
    """Return how known content, which is not staged for a day, can be staged."""
    if original.is_purged:
        return f", {original.message}: its records are gone for good"
    if original.state == State.SUPERSEDED:
        return "; stage it with --again to make it current"
    if original.state == State.WITHDRAWN:
        return f"; `cdr withdraw --undo {original.file_id}` undoes it"
    if day is not None and original.file_date != day:
        return (
            f", for {original.file_date or 'no day'}; if that is wrong: `cdr withdraw {original.file_id}`, "
            "then stage this again"
        )
    return ""
