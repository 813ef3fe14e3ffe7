"""The rules that decide what becomes of a delivery, and the manifest's row for it."""

import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from loader.database.connection import transaction
from loader.database.manifest import FILE_FIELDS, File, State, find, now, set_state

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Decision:
    """What becomes of a delivery: loaded (no `existing`), skipped as `redelivered`, or a duplicate of
    `existing`.
    """

    existing: File | None = None
    redelivered: bool = False


def decide(same_content: list[File], file: File, has_records: bool, delivered_again: bool) -> Decision:
    """Decides about a delivery by the files of the same content, in the order of their delivery. Its
    `file_date` is the day said by option or names, None when only the records tell.

    A delivery known by content, name, kind and day is skipped, so that staging the same folder again never
    brings back what was withdrawn or replaced; but content that was superseded and is delivered again is
    loaded as a version of its own. Under another name content that is current or withdrawn is a duplicate,
    with two exceptions: files without records, since two empty days are two days, and a file whose equals
    were all withdrawn under its own name, since that is how a wrong day is put right.
    """
    equals = [one for one in same_content if one.state != State.FAILED and one.kind == file.kind]
    same = [
        one for one in equals if one.file_name == file.file_name and file.file_date in (None, one.file_date)
    ]
    originals = [one for one in equals if one.state != State.DUPLICATE]
    alive = [one for one in originals if one.state in (State.CURRENT, State.WITHDRAWN)]
    if same:
        known = _most_alive(same)
        replaced = known.state == State.SUPERSEDED or (known.state == State.DUPLICATE and not alive)
        return Decision() if replaced and delivered_again else Decision(known, redelivered=True)
    redated = all(
        one.state == State.WITHDRAWN and not one.is_purged and one.file_name == file.file_name
        for one in originals
    )
    if not has_records or redated or not alive:
        return Decision()
    return Decision(_most_alive(alive))


def _most_alive(files: list[File]) -> File:
    """The current one, else one that was withdrawn, else the last."""
    for state in (State.CURRENT, State.WITHDRAWN):
        if chosen := [file for file in files if file.state == state]:
            return chosen[-1]
    return files[-1]


@dataclass
class Change:
    """A new row of the manifest and what it does to others: failures that it takes the place of, and the
    version that it supersedes.
    """

    file: File
    failures: list[File] = field(default_factory=list)
    superseded: list[File] = field(default_factory=list)

    def write(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Writes it, inside the caller's transaction."""
        write_changes(connection, [self])


def write_changes(connection: "duckdb.DuckDBPyConnection", changes: list[Change]) -> None:
    """Writes changes that do not depend on each other, inside the caller's transaction."""
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


class Versions:
    """What was delivered so far: the manifest, read once and kept in step with what is written.

    Staging holds the database's lock, so nobody else changes it meanwhile.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._lock = threading.Lock()
        # Versions with less than half of the records of those that they superseded.
        self.shrunk: list[tuple[File, File]] = []
        self._by_id: dict[int, File] = {}
        self._by_content: dict[str, list[File]] = defaultdict(list)
        self._by_name: dict[str, list[File]] = defaultdict(list)
        self._by_path: dict[str, list[File]] = defaultdict(list)
        for file in find(connection, "true", []):
            self._add(file)

    def __getitem__(self, file_id: int) -> File:
        """The file of that id."""
        return self._by_id[file_id]

    @property
    def next_id(self) -> int:
        """One more than any yet, so that ids follow the order of loading."""
        return max(self._by_id, default=0) + 1

    def of_content(self, sha256: str | None) -> list[File]:
        """The delivered files of the same content, by file_id."""
        with self._lock:
            return list(self._by_content.get(sha256 or "", ()))

    def at_path(self, path: str) -> File | None:
        """What was last delivered from a path."""
        with self._lock:
            found = self._by_path.get(path)
            return found[-1] if found else None

    def state_of(self, file_id: int) -> State | None:
        """The state of a file; None if there is no such file any more."""
        with self._lock:
            file = self._by_id.get(file_id)
            return State(file.state) if file else None

    def current(self, file: File) -> list[File]:
        """The version that is current of the same delivery: name, kind and day. One of no known kind is any
        kind's.
        """
        with self._lock:
            return [
                one
                for one in self._by_name.get(file.file_name, ())
                if one.state == State.CURRENT
                and one.kind in (None, file.kind)
                and one.file_date == file.file_date
            ]

    def change(self, file: File) -> Change:
        """What writing a new row means. A failed delivery tried again takes the place of its earlier failure,
        and keeps its file_id if it fails again. A current one supersedes the version that was current.
        """
        with self._lock:
            named = [
                one
                for one in self._by_name.get(file.file_name, ())
                if (one.sha256 is not None and one.sha256 == file.sha256)
                or (one.file_date is not None and one.file_date == file.file_date)
            ]
            near = {one.file_id: one for one in (*self._by_path.get(file.path, ()), *named)}
            failures = [one for _, one in sorted(near.items()) if one.state == State.FAILED]
        if failures and file.state == State.FAILED:
            file = replace(file, file_id=failures[0].file_id)
        return Change(file, failures, self.current(file) if file.state == State.CURRENT else [])

    def committed(self, change: Change) -> None:
        """Follows a change that was written."""
        with self._lock:
            for failure in change.failures:
                for files in (
                    self._by_content[failure.sha256 or ""],
                    self._by_name[failure.file_name],
                    self._by_path[failure.path],
                ):
                    files[:] = [one for one in files if one.file_id != failure.file_id]
                self._by_id.pop(failure.file_id, None)
            for earlier in change.superseded:
                earlier.state = State.SUPERSEDED
                if change.file.staged * 2 < earlier.staged:
                    self.shrunk.append((change.file, earlier))
            self._add(change.file)

    def record(self, connection: "duckdb.DuckDBPyConnection", file: File) -> File:
        """Writes a new row in a transaction of its own."""
        change = self.change(file)
        with transaction(connection):
            change.write(connection)
        self.committed(change)
        return change.file

    def record_failure(self, connection: "duckdb.DuckDBPyConnection", file: File, problem: str) -> File:
        """Records the file as failed. Where even that cannot be recorded, as on a full disk, it is still
        reported.
        """
        import duckdb

        failure = replace(file, state=State.FAILED, message=problem)
        with suppress(duckdb.Error):
            return self.record(connection, failure)
        return failure

    def _add(self, file: File) -> None:
        self._by_id[file.file_id] = file
        if file.sha256 is not None:
            self._by_content[file.sha256].append(file)
        self._by_name[file.file_name].append(file)
        self._by_path[file.path].append(file)
