"""What was seen at every path when it was last looked at: what stayed as it was need not be read again."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from loader.database.connection import transaction
from loader.inputs.opening import Fingerprint

if TYPE_CHECKING:
    import duckdb

# A file written so shortly before a look may have been written once more since, unnoticed.
_SETTLED = timedelta(seconds=2)
_COLUMNS = ("path", "size", "modified", "checksum", "options", "file_id", "seen_at")


@dataclass(frozen=True)
class Look:
    """One path as it was last seen, read with these options, and the file that it turned out to be."""

    size: int
    modified: int
    checksum: str
    options: str
    file_id: int
    seen_at: datetime

    def is_of(self, seen: Fingerprint) -> bool:
        """Whether the same is there now: no new delivery."""
        return (self.size, self.modified, self.checksum) == (seen.size, seen.modified, seen.checksum)

    @property
    def is_settled(self) -> bool:
        """Whether the file was old enough to be known by its time."""
        changed = datetime.fromtimestamp(self.modified / 1e9, UTC).replace(tzinfo=None)
        return changed + _SETTLED < self.seen_at


class Looks:
    """The table raw_sinch.looks, read once, written in bulk."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        rows = connection.execute(f"select {', '.join(_COLUMNS)} from raw_sinch.looks").fetchall()
        self._looks = {path: Look(*rest) for path, *rest in rows}
        self._changed: set[str] = set()

    def at(self, path: str) -> Look | None:
        """The last look at a path."""
        return self._looks.get(path)

    def note(self, path: str, seen: Fingerprint, options: str, file_id: int) -> None:
        """Remembers what a path holds now."""
        at = datetime.now(UTC).replace(tzinfo=None)
        self._looks[path] = Look(seen.size, seen.modified, seen.checksum, options, file_id, at)
        self._changed.add(path)

    def save(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Writes what was noted since the last time."""
        if not self._changed:
            return
        paths = sorted(self._changed)
        looks = [self._looks[path] for path in paths]
        values = [paths, *([getattr(look, name) for look in looks] for name in _COLUMNS[1:])]
        with transaction(connection):
            connection.execute("delete from raw_sinch.looks where path in (select unnest(?))", [paths])
            connection.execute(
                f"insert into raw_sinch.looks ({', '.join(_COLUMNS)}) "
                f"select {', '.join(['unnest(?)'] * len(_COLUMNS))}",
                values,
            )
        self._changed.clear()
