"""DuckDB connections that download and load no extensions."""

from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    import duckdb

# The extensions needed (icu, json, parquet) are built in. Otherwise a file of another kind (SQLite) or an
# address in a query would make DuckDB download code and run it. The profile has the same two settings.
NO_EXTENSIONS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

_open: "WeakSet[duckdb.DuckDBPyConnection]" = WeakSet()


def engine(**settings: str | bool | int | float | list[str]) -> "duckdb.DuckDBPyConnection":
    """Open a database in memory with these settings; files are attached to it."""
    import duckdb

    connection = duckdb.connect(":memory:", config={**settings, **NO_EXTENSIONS})
    _open.add(connection)
    return connection


def interrupt() -> None:
    """Interrupt the queries of these connections, but not those of their cursors."""
    import duckdb

    for connection in list(_open):
        # A closed connection has no query.
        with suppress(duckdb.ConnectionException):
            connection.interrupt()
