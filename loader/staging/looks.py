"""What was seen at every path when it was last looked at: what stayed as it was need not be read again."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from loader.database.connection import transaction
from loader.database.manifest import File, now
from loader.inputs.opening import Fingerprint

if TYPE_CHECKING:
    import duckdb

# A file written so shortly before a look may have been written once more since, unnoticed.
_SETTLED = timedelta(seconds=2)
_COLUMNS = ("path", "size", "modified", "checksum", "inode", "changed", "options", "file_id", "seen_at")
_REMOTE_COLUMNS = ("uri", "etag", "size", "last_modified", "sha256", "options", "file_id", "seen_at")


@dataclass(frozen=True)
class Look:
    """One path as it was last seen, read with these options, and the file that it turned out to be."""

    seen: Fingerprint
    options: str
    file_id: int
    seen_at: datetime
    sha256: str | None = None

    def is_of(self, seen: Fingerprint) -> bool:
        """Whether the same is there now: no new delivery."""
        if seen.version:
            return (self.seen.version, self.seen.size) == (seen.version, seen.size)
        ours = self.seen
        if (ours.size, ours.modified, ours.checksum) != (seen.size, seen.modified, seen.checksum):
            return False
        return not ours.inode or (ours.inode, ours.changed) == (seen.inode, seen.changed)

    @property
    def is_settled(self) -> bool:
        """Whether the file was old enough to be known by its times, where it has to be."""
        written = max(self.seen.modified, self.seen.changed)
        return bool(self.seen.version) or _time(written) + _SETTLED < self.seen_at


class Looks:
    """The tables raw_sinch.looks and, for what is known by its version, raw_sinch.remote_objects; read once,
    written in bulk.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._looks: dict[str, Look] = {}
        self._changed: set[str] = set()
        self._written: set[str] = set()
        for path, size, modified, checksum, inode, changed, *rest in _rows(connection, "looks", _COLUMNS):
            seen = Fingerprint(size, modified, checksum, inode or "", changed or 0)
            self._looks[path] = Look(seen, *rest)
        for uri, etag, size, at, sha256, options, file_id, seen_at in _rows(
            connection, "remote_objects", _REMOTE_COLUMNS
        ):
            modified = int(at.replace(tzinfo=UTC).timestamp()) * 1_000_000_000
            self._looks[uri] = Look(
                Fingerprint(size, modified, version=etag), options, file_id, seen_at, sha256
            )

    def at(self, path: str) -> Look | None:
        """The last look at a path."""
        return self._looks.get(path)

    def note(self, file: File, seen: Fingerprint, options: str) -> None:
        """Remembers what a path holds now."""
        self._looks[file.path] = _look(file, seen, options)
        if file.path not in self._written:
            self._changed.add(file.path)

    def complete(self, path: str, seen: Fingerprint) -> None:
        """Adds inode and change time to a look of an earlier version, which did not keep them."""
        look = self._looks[path]
        if seen.inode and not look.seen.inode:
            self._looks[path] = replace(look, seen=seen)
            self._changed.add(path)

    def write(
        self, connection: "duckdb.DuckDBPyConnection", files: Iterable[tuple[File, Fingerprint]], options: str
    ) -> None:
        """Writes what is known by its version, inside the caller's transaction."""
        looks = {file.path: _look(file, seen, options) for file, seen in files if seen.version}
        _write_remote(connection, looks)
        self._written.update(looks)

    def save(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Writes what was noted since the last time."""
        if not self._changed:
            return
        looks = {path: self._looks[path] for path in sorted(self._changed)}
        with transaction(connection):
            _write_local(connection, {path: look for path, look in looks.items() if not look.seen.version})
            _write_remote(connection, {path: look for path, look in looks.items() if look.seen.version})
        self._changed.clear()


def _look(file: File, seen: Fingerprint, options: str) -> Look:
    return Look(seen, options, file.file_id, now(), file.sha256)


def _write_local(connection: "duckdb.DuckDBPyConnection", looks: dict[str, Look]) -> None:
    rows = [
        (
            path,
            look.seen.size,
            look.seen.modified,
            look.seen.checksum,
            look.seen.inode,
            look.seen.changed,
            look.options,
            look.file_id,
            look.seen_at,
        )
        for path, look in looks.items()
    ]
    _replace(connection, "looks", _COLUMNS, rows)


def _write_remote(connection: "duckdb.DuckDBPyConnection", looks: dict[str, Look]) -> None:
    rows = []
    for uri, look in looks.items():
        seen = look.seen
        known = (uri, seen.version, seen.size, _time(seen.modified), look.sha256)
        rows.append((*known, look.options, look.file_id, look.seen_at))
    _replace(connection, "remote_objects", _REMOTE_COLUMNS, rows)


def _replace(
    connection: "duckdb.DuckDBPyConnection", table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> None:
    """Rows in place of those of the same first column."""
    if not rows:
        return
    values = [list(column) for column in zip(*rows, strict=True)]
    connection.execute(f"delete from raw_sinch.{table} where {columns[0]} in (select unnest(?))", [values[0]])
    connection.execute(
        f"insert into raw_sinch.{table} ({', '.join(columns)}) "
        f"select {', '.join(['unnest(?)'] * len(columns))}",
        values,
    )


def _rows(
    connection: "duckdb.DuckDBPyConnection", table: str, columns: tuple[str, ...]
) -> list[tuple[Any, ...]]:
    return connection.execute(f"select {', '.join(columns)} from raw_sinch.{table}").fetchall()


def _time(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).replace(tzinfo=None)
