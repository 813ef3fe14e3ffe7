"""What each path held when staging last looked at it: what has not changed since is not read again."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from loader.database.connection import transaction
from loader.database.manifest import File, now
from loader.inputs.opening import Fingerprint

if TYPE_CHECKING:
    import duckdb

# A file written so shortly before a look may have been written again since, unnoticed.
_SETTLED = timedelta(seconds=2)
_SEEN = ("size", "modified", "checksum", "inode", "changed", "version")
_COLUMNS = ("path", "options", "file_id", "seen_at", *_SEEN)


@dataclass(frozen=True)
class Look:
    """One path as it was last seen, read with these options, and the file that it was staged as."""

    options: str
    file_id: int
    seen_at: datetime
    seen: Fingerprint

    def is_of(self, seen: Fingerprint) -> bool:
        """Whether the path still holds the same: no new delivery."""
        ours = self.seen
        if seen.version:
            return (ours.version, ours.size) == (seen.version, seen.size)
        if (ours.size, ours.modified, ours.checksum) != (seen.size, seen.modified, seen.checksum):
            return False
        return not ours.inode or (ours.inode, ours.changed) == (seen.inode, seen.changed)

    @property
    def is_settled(self) -> bool:
        """Whether a later write would show: by the version, or because the file was old enough."""
        written = datetime.fromtimestamp(max(self.seen.modified, self.seen.changed) / 1e9, UTC)
        return bool(self.seen.version) or written.replace(tzinfo=None) + _SETTLED < self.seen_at


class Looks:
    """The table raw_sinch.looks: read once, written in bulk."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._looks: dict[str, Look] = {}
        self._changed: set[str] = set()
        self._written: set[str] = set()
        rows = connection.execute(f"select {', '.join(_COLUMNS)} from raw_sinch.looks").fetchall()
        for path, options, file_id, seen_at, size, modified, checksum, inode, changed, version in rows:
            # Earlier versions kept fewer of these.
            seen = Fingerprint(
                size, modified, checksum or "", inode or "", changed or 0, version=version or ""
            )
            self._looks[path] = Look(options, file_id, seen_at, seen)

    def at(self, path: str) -> Look | None:
        """Return the last look at a path."""
        return self._looks.get(path)

    def note(self, file: File, seen: Fingerprint, options: str) -> None:
        """Remember what a path holds now, to be saved."""
        self._looks[file.path] = _look(file, seen, options)
        if file.path not in self._written:
            self._changed.add(file.path)

    def complete(self, path: str, seen: Fingerprint) -> None:
        """Add inode and change time to a look of an earlier version, which did not keep them."""
        look = self._looks[path]
        if seen.inode and not look.seen.inode:
            self._looks[path] = replace(look, seen=seen)
            self._changed.add(path)

    def write(
        self, connection: "duckdb.DuckDBPyConnection", files: Iterable[tuple[File, Fingerprint]], options: str
    ) -> None:
        """Write looks at objects with a version inside the caller's transaction, that of their files."""
        looks = {file.path: _look(file, seen, options) for file, seen in files if seen.version}
        _write(connection, looks)
        self._written.update(looks)

    def save(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Write what was noted and is not written yet."""
        if not self._changed:
            return
        with transaction(connection):
            _write(connection, {path: self._looks[path] for path in sorted(self._changed)})
        self._changed.clear()


def _look(file: File, seen: Fingerprint, options: str) -> Look:
    return Look(options, file.file_id, now(), seen)


def _write(connection: "duckdb.DuckDBPyConnection", looks: dict[str, Look]) -> None:
    """Write the looks in place of earlier ones at the same paths."""
    if not looks:
        return
    rows = [
        (path, look.options, look.file_id, look.seen_at, *(getattr(look.seen, name) for name in _SEEN))
        for path, look in looks.items()
    ]
    connection.execute("delete from raw_sinch.looks where path in (select unnest(?))", [list(looks)])
    connection.execute(
        f"insert into raw_sinch.looks ({', '.join(_COLUMNS)}) "
        f"select {', '.join(['unnest(?)'] * len(_COLUMNS))}",
        [list(column) for column in zip(*rows, strict=True)],
    )
