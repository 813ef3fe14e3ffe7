"""The DuckDB file: opened with the right format, rights and lock; the raw schema."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from loader.database import vacuum
from loader.database.leftovers import remove_leftovers, spill_folder
from loader.database.schema import check_not_newer, create_raw_schema, has_table
from loader.database.sql import literal
from loader.engine import engine
from loader.errors import CdrError

if TYPE_CHECKING:
    import duckdb


# The format of DuckDB 1.4, decided when the file is made: 1.x clients cannot open what 2.0 writes by default.
STORAGE_VERSION = "v1.4.0"

# The name under which the file is attached, in the profile too. DuckDB would take the file's, which may hide
# a schema of the same name (marts.duckdb) or not be what dbt expects (main.duckdb).
CATALOGUE = "sinch_cdr"

_HOLDER = re.compile(r"held in (.+?) \(PID (\d+)\)")

Access = Literal["read", "write", "create"]


@contextmanager
def opened(
    database: Path, access: Access, wait: float = 0, *, is_publication: bool = False
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A connection to the database file, closed at the end; see `connect`.

    Raises CdrError also where tables are those that an earlier or later version built.
    """
    import duckdb

    connection = connect(database, access, wait, is_publication=is_publication)
    try:
        yield connection
    except duckdb.BinderException as error:
        if os.environ.get("CDR_DEBUG"):
            raise
        raise CdrError(
            f"the tables in {database} were built by another version of cdr-tables; "
            "`cdr build` makes them anew"
        ) from error
    finally:
        connection.close()


def connect(
    database: Path, access: Access, wait: float = 0, *, is_publication: bool = False
) -> "duckdb.DuckDBPyConnection":
    """A connection to read or write an existing database, or to write one that is created where it is absent.
    A publication may hold the marts alone.

    Waits up to `wait` seconds for the file's lock. Raises CdrError when the file is missing, locked, not a
    database, of a newer version, without staged files, or cannot be made.
    """
    if not database.exists():
        if access != "create":
            raise CdrError(f"no database at {database}; stage files first or name another with --database")
        if not database.parent.is_dir():
            raise CdrError(
                f"{database.parent} is not a folder; make it or name another database with --database"
            )
    connection = retried(database, wait, lambda: _attached(database, read_only=access == "read"))
    try:
        check_not_newer(connection, database)
        if access != "read":
            # Holding the lock: whatever is there was left by a command that was killed.
            remove_leftovers(database)
        connection.execute("set timezone = 'UTC'")
        if access == "create":
            create_raw_schema(connection)
        elif not (is_publication or has_table(connection, "raw_sinch", "files")):
            raise CdrError(f"nothing was ever staged into {database}; stage files first or name another")
    except BaseException:
        connection.close()
        raise
    return connection


def retried(
    database: Path, wait: float, connect: "Callable[[], duckdb.DuckDBPyConnection]"
) -> "duckdb.DuckDBPyConnection":
    """What `connect` gives, waiting up to `wait` seconds for the lock of the database file.

    Raises CdrError when the file is locked or cannot be opened.
    """
    import duckdb

    deadline = time.monotonic() + wait
    while True:
        try:
            return connect()
        except duckdb.Error as error:
            if "Could not set lock" not in str(error):
                raise _unusable(database, error) from error
            if time.monotonic() >= deadline:
                found = _HOLDER.search(str(error))
                raise CdrError(holder_message(database, int(found[2]) if found else None)) from error
            time.sleep(0.1)


def _attached(database: Path, *, read_only: bool) -> "duckdb.DuckDBPyConnection":
    connection = engine(
        storage_compatibility_version=STORAGE_VERSION,
        temp_directory=str(spill_folder(database)),
        **{vacuum.SETTING: 0},
    )
    try:
        access = " (read_only)" if read_only else ""
        connection.execute(f"attach {literal(str(database))} as {CATALOGUE}{access}")
        connection.execute(f"use {CATALOGUE}")
    except BaseException:
        connection.close()
        raise
    return connection


def cursor(connection: "duckdb.DuckDBPyConnection") -> "duckdb.DuckDBPyConnection":
    """A second connection to the same database, for another thread: DuckDB's own forgets what `use` said."""
    second = connection.cursor()
    second.execute(f"use {CATALOGUE}")
    return second


def _unusable(database: Path, error: Exception) -> CdrError:
    text = str(error).splitlines()[0]
    # What looks like another engine's file asks for that engine's extension.
    if "not a valid DuckDB database" in text or text.startswith("IO Error: Extension "):
        return CdrError(f"{database} is not a DuckDB database; name another file with --database")
    if database.is_dir():
        return CdrError(f"{database} is a folder; name a file with --database")
    if "ermission denied" in text or "ead-only file system" in text:
        return CdrError(
            f"cannot write {database}; make it and its folder writable or name another with --database"
        )
    return CdrError(f"cannot open {database} ({text}); name another database with --database")


def holder_message(database: Path, pid: int | None) -> str:
    """One line about a database in use: by which process, and what to do."""
    holder = "another process"
    if pid is not None:
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            program = " ".join(" ".join(arguments).split())
        except OSError:
            program = ""
        holder = f"process {pid}" + (f" ({program[:200]})" if program else "")
    return f"{database} is in use by {holder}; wait for it with --wait SECONDS or end it"


@contextmanager
def transaction(connection: "duckdb.DuckDBPyConnection") -> Iterator[None]:
    """All of it or nothing."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
