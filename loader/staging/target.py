"""What is staged into: the database with bounded memory, or a throw-away copy of its manifest."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import connect
from loader.database.sql import literal
from loader.errors import CdrError
from loader.paths import staging_folder
from loader.staging.options import Options

if TYPE_CHECKING:
    import duckdb


# Bounds a staging process well below 1 GiB, whatever the size of a file.
STAGING_MEMORY_LIMIT = "512MiB"

# Databases of earlier versions lack some of them.
_KNOWN = """
    select table_name from duckdb_tables()
    where database_name = 'real' and schema_name = 'raw_sinch'
        and table_name in ('files', 'looks', 'remote_objects')
"""


def connect_for_staging(database: Path, wait: float) -> "duckdb.DuckDBPyConnection":
    """A writing connection with bounded memory and an empty private folder for unpacked files beside the
    database.
    """
    connection = connect(database, "create", wait)
    # Holding the lock: whatever lies in the folder was left by a run that was killed.
    folder = staging_folder(database)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        connection.close()
        raise CdrError(
            f"cannot write in {folder.parent}: {error.strerror}; make the folder writable"
        ) from error
    bound_memory(connection, folder)
    return connection


def bound_memory(connection: "duckdb.DuckDBPyConnection", folder: Path) -> None:
    """Keeps the connection's memory bounded; what does not fit is spilled into the folder. Rows may be stored
    in any order, since they carry their line's number: otherwise cores wait on each other.
    """
    connection.execute("set preserve_insertion_order = false")
    connection.execute(f"set memory_limit = {literal(STAGING_MEMORY_LIMIT)}")
    connection.execute(f"set temp_directory = {literal(str(folder / 'spill'))}")


@contextmanager
def staging_target(database: Path, options: Options) -> Iterator[tuple["duckdb.DuckDBPyConnection", Path]]:
    """The connection to stage into and the folder for unpacked files; for a dry run a throw-away copy of the
    manifest.
    """
    if not options.dry_run:
        connection = connect_for_staging(database, options.wait)
        folder = staging_folder(database)
        try:
            yield connection, folder
        finally:
            connection.close()
            shutil.rmtree(folder, ignore_errors=True)
        return
    with tempfile.TemporaryDirectory(prefix="cdr-") as temporary:
        folder = Path(temporary)
        if database.exists():
            connect(database, "read", options.wait).close()
        connection = connect(folder / "dry-run.duckdb", "create")
        try:
            bound_memory(connection, folder)
            if database.exists():
                connection.execute(f"attach {literal(str(database))} as real (read_only)")
                for (table,) in connection.execute(_KNOWN).fetchall():
                    connection.execute(f"insert into raw_sinch.{table} by name from real.raw_sinch.{table}")
                connection.execute("detach real")
            yield connection, folder
        finally:
            connection.close()
