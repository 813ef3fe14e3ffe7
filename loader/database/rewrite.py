"""Writes the database file anew, without its free blocks: they keep deleted content and space."""

import os
from dataclasses import dataclass
from pathlib import Path

from loader.database.connection import CATALOGUE, STORAGE_VERSION, lock_down, opened
from loader.database.disk import is_full, no_room
from loader.database.sql import literal
from loader.database.workspace import working
from loader.engine import engine
from loader.paths import keep_mode

# What a rewrite may use; what does not fit goes to a private folder beside the database.
MEMORY_LIMIT = "512MiB"

# There from the moment a purge deletes until the file is written anew without what it deleted.
UNFINISHED_PURGE = "raw_sinch.unfinished_purge"


@dataclass(frozen=True)
class Blocks:
    """The blocks of a database file, and how many of them hold nothing any more."""

    bytes: int
    total: int
    free: int

    @property
    def free_share(self) -> float:
        """Free blocks as a share of all, 0 for an empty file."""
        return self.free / self.total if self.total else 0.0


def blocks(database: Path) -> Blocks:
    """How full the database file is.

    Raises CdrError when it cannot be opened.
    """
    with opened(database, "read") as connection:
        row = connection.execute(
            "select total_blocks, free_blocks from pragma_database_size() "
            "where database_name = current_database()"
        ).fetchone()
    assert row is not None
    return Blocks(database.stat().st_size, *row)


def rewrite(database: Path) -> None:
    """Replaces the database file by a copy that holds nothing but what is in it. The file's mode is kept.

    Raises OSError or duckdb.Error when it cannot be written; the database is untouched then.
    """
    target = database.resolve()
    with working(database) as workspace:
        copy = workspace.folder / "rewrite"
        connection = engine(memory_limit=MEMORY_LIMIT, temp_directory=str(workspace.spill), threads=2)
        try:
            connection.execute(f"attach {literal(str(target))} as rewrite_original (read_only)")
            connection.execute(
                f"attach {literal(str(copy))} as {CATALOGUE} (storage_version {literal(STORAGE_VERSION)})"
            )
            lock_down(connection)
            connection.execute(f"copy from database rewrite_original to {CATALOGUE}")
            connection.execute(f"drop table if exists {CATALOGUE}.{UNFINISHED_PURGE}")
            connection.execute(f"detach {CATALOGUE}")
            keep_mode(copy, target)
            with copy.open("rb") as written:
                os.fsync(written.fileno())
            # While the original is attached nobody else writes to it.
            copy.replace(target)
        finally:
            connection.close()


def explained(database: Path, error: Exception) -> str:
    """Why the database could not be rewritten, and what to do, in a few words."""
    if is_full(error):
        size = database.stat().st_size
        return f"{no_room([database.resolve().parent], size)}; make room there"
    return f"{str(error).splitlines()[0]}; make room for a copy of it"
