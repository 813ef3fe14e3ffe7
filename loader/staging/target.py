"""What is staged into: the database with bounded memory, or a throw-away copy of its manifest."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import opened
from loader.database.sql import literal
from loader.database.workspace import working
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


@contextmanager
def staging_target(database: Path, options: Options) -> Iterator[tuple["duckdb.DuckDBPyConnection", Path]]:
    """The connection to stage into, with bounded memory, and a private folder for unpacked files; for a dry
    run a throw-away copy of the manifest, in that folder.
    """
    with working(database) as workspace:
        if options.dry_run:
            known = database.exists()
            if known:
                with opened(database, "read", options.wait, workspace=workspace):
                    pass
            place = workspace.folder / "dry-run.duckdb"
        else:
            known, place = False, database
        with opened(place, "create", options.wait, workspace=workspace) as connection:
            bound_memory(connection)
            if known:
                connection.execute(f"attach {literal(str(database))} as real (read_only)")
                for (table,) in connection.execute(_KNOWN).fetchall():
                    connection.execute(f"insert into raw_sinch.{table} by name from real.raw_sinch.{table}")
                connection.execute("detach real")
            yield connection, workspace.folder


def bound_memory(connection: "duckdb.DuckDBPyConnection") -> None:
    """Keeps the connection's memory bounded. Rows may be stored in any order, since they carry their line's
    number: otherwise cores wait on each other.
    """
    connection.execute("set preserve_insertion_order = false")
    connection.execute(f"set memory_limit = {literal(STAGING_MEMORY_LIMIT)}")
