"""DuckDB as every part of the package uses it: it fetches nothing and loads nothing from elsewhere."""

from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    import duckdb

# What is needed (icu, json, parquet) is built in. A file of another kind (SQLite), or an address in a
# query would otherwise make DuckDB download code and run it. The profile has the same two settings.
NO_EXTENSIONS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

_open: "WeakSet[duckdb.DuckDBPyConnection]" = WeakSet()


def engine(**settings: str | bool | int | float | list[str]) -> "duckdb.DuckDBPyConnection":
    """A connection to a database in memory, with these settings; files are attached to it."""
    import duckdb

    connection = duckdb.connect(":memory:", config={**settings, **NO_EXTENSIONS})
    _open.add(connection)
    return connection


def interrupt() -> None:
    """Ends the queries that are under way on these connections; those of their cursors go on."""
    import duckdb

    for connection in list(_open):
        # One that is closed has no query.
        with suppress(duckdb.ConnectionException):
            connection.interrupt()
