"""Free space in the database file: row groups merged if worth it, and a rewrite without free blocks."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import CATALOGUE, STORAGE_VERSION, VACUUM_SETTING, lock_down, opened
from loader.database.disk import is_full, no_room
from loader.database.sql import literal, one_row, quoted
from loader.database.workspace import working
from loader.engine import engine
from loader.paths import keep_mode

if TYPE_CHECKING:
    import duckdb


# DuckDB merges row groups with deleted rows whenever it closes the file: seconds on one core after each day
# for little gain. Empty row groups are freed anyway. So the merge is put off until this share of all rows is
# deleted: queries skip deleted rows, and the file is that much larger.
DELETED_SHARE_WORTH_A_MERGE = 1 / 5


def put_off_vacuum(connection: "duckdb.DuckDBPyConnection") -> None:
    """Keep row groups unmerged in this process, until `vacuum_if_due`."""
    connection.execute(f"set global {VACUUM_SETTING} = 0")


def vacuum_if_due(connection: "duckdb.DuckDBPyConnection", database: Path) -> None:
    """Let DuckDB merge row groups when it closes the file, if enough rows are deleted."""
    if deleted_share(connection, database) > DELETED_SHARE_WORTH_A_MERGE:
        connection.execute(f"reset global {VACUUM_SETTING}")


def deleted_share(connection: "duckdb.DuckDBPyConnection", database: Path) -> float:
    """Return the share of deleted rows that the file still holds, 0 for an empty file."""
    attached = connection.execute("select database_name, path from duckdb_databases() where path is not null")
    names = [name for name, path in attached.fetchall() if Path(path).resolve() == database.resolve()]
    # `estimated_size` counts deleted rows, until their row group is merged or freed; count(*) reads no rows.
    tables = connection.execute(
        "select database_name, schema_name, table_name, estimated_size from duckdb_tables()"
        " where list_contains(?, database_name)",
        [names],
    ).fetchall()
    held = sum(size for *_, size in tables)
    there = 0
    for *parts, _ in tables:
        there += one_row(connection, f"select count(*) from {'.'.join(map(quoted, parts))}")[0]
    return 1 - there / held if held else 0.0


# Data beyond it goes to a private folder next to the database.
MEMORY_LIMIT = "512MiB"

# A table that exists from a purge's deletion until the file is rewritten without the deleted rows.
UNFINISHED_PURGE = "raw_sinch.unfinished_purge"


@dataclass(frozen=True)
class Blocks:
    """The blocks of a database file, and how many of them are free."""

    bytes: int
    total: int
    free: int

    @property
    def free_share(self) -> float:
        """The share of free blocks, 0 for an empty file."""
        return self.free / self.total if self.total else 0.0


def blocks(database: Path) -> Blocks:
    """Count the blocks of the database file.

    Raises CdrError when it cannot be opened.
    """
    with opened(database, "read") as connection:
        row = one_row(
            connection,
            "select total_blocks, free_blocks from pragma_database_size() "
            "where database_name = current_database()",
        )
    return Blocks(database.stat().st_size, *row)


def rewrite(database: Path) -> None:
    """Replace the database file by a copy without free blocks, of the same mode.

    Raises OSError or duckdb.Error when it cannot be written; the database is unchanged then.
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
            # While the original is attached no other process writes to it.
            copy.replace(target)
        finally:
            connection.close()


def explained(database: Path, error: Exception) -> str:
    """Return why the database could not be rewritten, and what to do, in a few words."""
    if is_full(error):
        size = database.stat().st_size
        return f"{no_room([database.resolve().parent], size)}; make room there"
    return f"{str(error).splitlines()[0]}; make room for a copy of it"
