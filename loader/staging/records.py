"""The raw records that were staged so far, for whoever has to compare with them."""

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import retried
from loader.database.manifest import File
from loader.database.shared_calls import shared_calls
from loader.database.sql import literal
from loader.staging.versioning import folded

if TYPE_CHECKING:
    import duckdb


@dataclass
class Records:
    """The raw tables. Those of a dry run are throw-away ones without the records staged before: where these
    are asked for, they are read in the database itself.
    """

    dry_run: bool = False
    # Of a dry run: where the records staged before are, if there are any.
    database: Path | None = None
    # How many seconds it waits for its lock.
    wait: float = 0
    # The names, as `folded`, of which this look has more than one delivery: a dry run keeps their records.
    repeated: frozenset[str] = frozenset()
    _is_attached: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def shared_calls(
        self, connection: "duckdb.DuckDBPyConnection", pairs: list[tuple[File, File]]
    ) -> dict[tuple[int, int], int]:
        """How many records of the older of two files are of calls that the newer one has, by their ids."""
        by_kind: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for newer, older in pairs:
            by_kind[str(older.kind)].append((newer.file_id, older.file_id))
        found: dict[tuple[int, int], int] = {}
        for kind, of_kind in by_kind.items():
            found |= shared_calls(connection, self.tables(connection, kind), of_kind)
        return found

    def forget(self, connection: "duckdb.DuckDBPyConnection", files: list[File]) -> None:
        """Deletes what a dry run has loaded of files that nothing in this look has to be compared with."""
        if self.dry_run:
            for kind in {str(file.kind) for file in files if file.staged}:
                of_kind = [
                    file.file_id
                    for file in files
                    if file.kind == kind and folded(file.file_name) not in self.repeated
                ]
                connection.execute(
                    f"delete from raw_sinch.{kind} where _file_id in (select unnest(?::bigint[]))", [of_kind]
                )

    def tables(self, connection: "duckdb.DuckDBPyConnection", kind: str) -> list[str]:
        """Where the records of a kind are.

        Raises CdrError where the database of a dry run cannot be read.
        """
        own = f"raw_sinch.{kind}"
        if self.database is None:
            return [own]
        attach = f"attach {literal(str(self.database))} as real (read_only)"
        with self._lock:
            if not self._is_attached:
                retried(self.database, self.wait, lambda: connection.execute(attach))
                self._is_attached = True
        return [own, f"real.{own}"]
