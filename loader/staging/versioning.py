"""The rules that decide about a delivery, and changes of the manifest."""

import threading
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from loader.database.connection import transaction
from loader.database.manifest import FILE_FIELDS, File, State, find, name_key, now, set_state

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Decision:
    """The decision about a delivery: load it (no `existing`), skip it as `redelivered`, or record it as a
    duplicate of `existing`.
    """

    existing: File | None = None
    redelivered: bool = False


def decide(same_content: list[File], file: File, has_records: bool, delivered_again: bool) -> Decision:
    """Decide about a delivery by the files of the same content, in the order of their delivery. Its
    `file_date` is None as long as only its records could determine it.

    - Known by content, name, kind and day: skipped, so that staging the same folder again never restores what
      was withdrawn or replaced. But superseded content that is delivered again is loaded as a new version.
    - Current under another name or day: a duplicate.
    - Withdrawn under any name: a duplicate for its own day; under another day it is loaded, also when it is
      recorded there as a duplicate.
    - Files without records are never duplicates, since two empty days are two days.
    """
    equals = [one for one in same_content if one.state != State.FAILED and one.kind == file.kind]
    same = [
        one for one in equals if one.name_key == file.name_key and file.file_date in (None, one.file_date)
    ]
    originals = [one for one in equals if one.state != State.DUPLICATE]
    withdrawn = [one for one in originals if _stays_out(one, file.file_date)]
    alive = [one for one in originals if one.state == State.CURRENT] + withdrawn
    if not same:
        return Decision(_most_alive(alive)) if has_records and alive else Decision()
    known = _most_alive(same)
    if known.state == State.SUPERSEDED and delivered_again:
        return Decision(withdrawn[-1], redelivered=True) if withdrawn else Decision()
    if known.state == State.DUPLICATE and not alive:
        redated = any(one.state == State.WITHDRAWN and not one.is_purged for one in originals)
        return Decision() if delivered_again or redated else Decision(known, redelivered=True)
    return Decision(known, redelivered=True)


def _stays_out(file: File, day: date | None) -> bool:
    """Whether a withdrawal keeps the content of a file out for a day."""
    return file.state == State.WITHDRAWN and (file.is_purged or day in (None, file.file_date))


def original_of(duplicate: File, same_content: list[File]) -> File | None:
    """Return the present original of a duplicate."""
    originals = [
        one
        for one in same_content
        if one.kind == duplicate.kind and one.state not in (State.DUPLICATE, State.FAILED)
    ]
    return _most_alive(originals) if originals else None


def _most_alive(files: list[File]) -> File:
    """Return the last current file, otherwise the last withdrawn one, otherwise the last."""
    for state in (State.CURRENT, State.WITHDRAWN):
        if chosen := [file for file in files if file.state == state]:
            return chosen[-1]
    return files[-1]


@dataclass
class Change:
    """A new row of the manifest and its effect on others: failures that it replaces, and contents that it
    supersedes, with the number of their records whose calls it lacks.
    """

    file: File
    failures: list[File] = field(default_factory=list)
    superseded: list[File] = field(default_factory=list)
    lacking: int = 0

    @property
    def is_shrunk(self) -> bool:
        """Whether it lacks the calls of more than half of the records that it supersedes."""
        return self.lacking * 2 > sum(earlier.staged for earlier in self.superseded)

    def write(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Write it in the caller's transaction."""
        write_changes(connection, [self])


def write_changes(connection: "duckdb.DuckDBPyConnection", changes: list[Change]) -> None:
    """Write changes that do not depend on each other, in the caller's transaction."""
    if failures := [failure.file_id for change in changes for failure in change.failures]:
        connection.execute(
            "delete from raw_sinch.files where file_id in (select unnest(?::bigint[]))", [failures]
        )
    at = now()
    for change in changes:
        for earlier in change.superseded:
            reason = f"superseded by file {change.file.file_id}"
            set_state(connection, replace(earlier), State.SUPERSEDED, reason)
        change.file.loaded_at = change.file.state_changed_at = at
    names = [column.name for column in fields(File)]
    columns = [[_plain(getattr(change.file, name)) for change in changes] for name in names]
    values = ", ".join(["unnest(?)"] * len(names))
    connection.execute(f"insert into raw_sinch.files ({FILE_FIELDS}) select {values}", columns)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, StrEnum) else value


def folded(name: str) -> str:
    """Return a name without case."""
    return name_key(name).casefold()


class Versions:
    """The manifest, read once and updated with every write.

    Staging holds the database's lock, so no other command changes it meanwhile.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._lock = threading.Lock()
        # Versions that superseded others in this run.
        self.superseding: list[Change] = []
        # Recorded in this run: these deliveries are still at their paths.
        self._recorded: set[int] = set()
        self._by_id: dict[int, File] = {}
        self._by_content: dict[str, list[File]] = defaultdict(list)
        # By name without case.
        self._by_name: dict[str, list[File]] = defaultdict(list)
        self._by_path: dict[str, list[File]] = defaultdict(list)
        for file in find(connection, "true", []):
            self._add(file)

    def __getitem__(self, file_id: int) -> File:
        """Return the file of that id."""
        return self._by_id[file_id]

    @property
    def next_id(self) -> int:
        """The id after the highest, so that ids follow the order of loading."""
        return max(self._by_id, default=0) + 1

    def of_content(self, sha256: str | None) -> list[File]:
        """Return the files of a content, by file_id."""
        with self._lock:
            return list(self._by_content.get(sha256 or "", ()))

    def is_in_tables(self, file: File) -> bool:
        """Whether the content of a known file is current under any name."""
        known = self._by_id.get(file.file_id, file)
        return any(
            one.state == State.CURRENT and one.kind == known.kind for one in self.of_content(known.sha256)
        )

    def at_path(self, path: str) -> File | None:
        """Return the file last delivered from a path."""
        with self._lock:
            found = self._by_path.get(path)
            return found[-1] if found else None

    def get(self, file_id: int) -> File | None:
        """Return the file of that id, if it still exists."""
        with self._lock:
            return self._by_id.get(file_id)

    def current_of_name(self, name: str) -> list[File]:
        """Return the current files of a name, in any case."""
        with self._lock:
            return [one for one in self._by_name.get(folded(name), ()) if one.state == State.CURRENT]

    def current_by_day(self) -> Counter[date]:
        """Count the current files of each day."""
        with self._lock:
            files = self._by_id.values()
            return Counter(one.file_date for one in files if one.file_date and one.state == State.CURRENT)

    def rivals(self, file: File) -> list[File]:
        """Return the current files of the same kind, day and name without case. A file of unknown kind
        matches any kind, an empty file of unknown day any day.
        """
        return [
            one
            for one in self.current_of_name(file.file_name)
            if one.kind in (None, file.kind)
            and (one.file_date == file.file_date or (one.file_date is None and not one.records))
        ]

    def change(self, file: File) -> Change:
        """Return the change that a new row makes. It replaces earlier failures of the same delivery: at the
        same path, or of an earlier run under the same name. Another failure keeps the file_id.
        """

        def is_tried_again(one: File) -> bool:
            return one.path == file.path or (
                one.name_key == file.name_key
                and one.file_id not in self._recorded
                and (
                    (one.sha256 is not None and one.sha256 == file.sha256)
                    or (one.file_date is not None and one.file_date == file.file_date)
                )
            )

        with self._lock:
            near = (*self._by_path.get(file.path, ()), *self._by_name.get(folded(file.file_name), ()))
            failed = {one.file_id: one for one in near if one.state == State.FAILED and is_tried_again(one)}
        failures = [one for _, one in sorted(failed.items())]
        if failures and file.state == State.FAILED:
            file = replace(file, file_id=failures[0].file_id)
        return Change(file, failures)

    def committed(self, change: Change) -> None:
        """Update the copy with a change that was written."""
        with self._lock:
            for failure in change.failures:
                for files in (
                    self._by_content[failure.sha256 or ""],
                    self._by_name[folded(failure.file_name)],
                    self._by_path[failure.path],
                ):
                    files[:] = [one for one in files if one.file_id != failure.file_id]
                self._by_id.pop(failure.file_id, None)
            for earlier in change.superseded:
                earlier.state = State.SUPERSEDED
            if change.superseded:
                self.superseding.append(change)
            self._add(change.file)
            self._recorded.add(change.file.file_id)

    def record(self, connection: "duckdb.DuckDBPyConnection", file: File) -> File:
        """Write a new row in its own transaction."""
        change = self.change(file)
        with transaction(connection):
            change.write(connection)
        self.committed(change)
        return change.file

    def record_failure(self, connection: "duckdb.DuckDBPyConnection", file: File, problem: str) -> File:
        """Record the file as failed. If that cannot be written, as on a full disk, still return it."""
        import duckdb

        failure = replace(file, state=State.FAILED, message=problem)
        with suppress(duckdb.Error):
            return self.record(connection, failure)
        return failure

    def _add(self, file: File) -> None:
        self._by_id[file.file_id] = file
        if file.sha256 is not None:
            self._by_content[file.sha256].append(file)
        self._by_name[folded(file.file_name)].append(file)
        self._by_path[file.path].append(file)
