"""When DuckDB merges row groups that are half full or hold deleted rows.

It would whenever it closes the file: seconds on one core after each day, which write much anew for little.
Row groups without rows are freed all the same. So it is put off until enough rows are deleted ones.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.sql import quoted

if TYPE_CHECKING:
    import duckdb

# Of all rows in the file. Queries pass over deleted rows, and the file is that much larger.
DELETED_SHARE_WORTH_A_MERGE = 1 / 5

SETTING = "max_vacuum_tasks"


def put_off(connection: "duckdb.DuckDBPyConnection") -> None:
    """Leaves row groups as they are in this process, until `merge_if_due`."""
    connection.execute(f"set global {SETTING} = 0")


def merge_if_due(connection: "duckdb.DuckDBPyConnection", database: Path) -> None:
    """Has row groups merged when the file is closed, if enough of its rows are deleted ones."""
    if deleted_share(connection, database) > DELETED_SHARE_WORTH_A_MERGE:
        connection.execute(f"reset global {SETTING}")


def deleted_share(connection: "duckdb.DuckDBPyConnection", database: Path) -> float:
    """The deleted rows that the file still holds as a share of all its rows, 0 for an empty file."""
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
        row = connection.execute(f"select count(*) from {'.'.join(map(quoted, parts))}").fetchone()
        assert row is not None
        there += row[0]
    return 1 - there / held if held else 0.0
