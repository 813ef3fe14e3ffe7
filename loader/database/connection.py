"""The DuckDB file: opened with the right format, rights and lock; the raw schema."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from loader.database.schema import create_raw_schema, has_table
from loader.errors import CdrError

if TYPE_CHECKING:
    import duckdb


# The format of DuckDB 1.4, decided when the file is made: 1.x clients cannot open what 2.0 writes by default.
STORAGE_VERSION = "v1.4.0"

_HOLDER = re.compile(r"held in (.+?) \(PID (\d+)\)")

Access = Literal["read", "write", "create"]


@contextmanager
def opened(database: Path, access: Access, wait: float = 0) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A connection to the database file, closed at the end; see `connect`."""
    connection = connect(database, access, wait)
    try:
        yield connection
    finally:
        connection.close()


def connect(database: Path, access: Access, wait: float = 0) -> "duckdb.DuckDBPyConnection":
    """A connection to read or write an existing database, or to write one that is created where it is absent.

    Waits up to `wait` seconds for the file's lock. Raises CdrError when the file is missing, locked, not a
    database, without staged files, or cannot be made.
    """
    import duckdb

    if not database.exists():
        if access != "create":
            raise CdrError(f"no database at {database}; stage files first or name another with --database")
        if not database.parent.is_dir():
            raise CdrError(
                f"{database.parent} is not a folder; make it or name another database with --database"
            )
    deadline = time.monotonic() + wait
    while True:
        try:
            connection = duckdb.connect(
                database,
                read_only=access == "read",
                config={"storage_compatibility_version": STORAGE_VERSION},
            )
            break
        except duckdb.Error as error:
            if "Could not set lock" not in str(error):
                raise _unusable(database, error) from error
            if time.monotonic() >= deadline:
                raise CdrError(_lock_message(database, str(error))) from error
            time.sleep(0.1)
    try:
        connection.execute("set timezone = 'UTC'")
        if access == "create":
            create_raw_schema(connection)
        elif not has_table(connection, "raw_sinch", "files"):
            raise CdrError(f"nothing was ever staged into {database}; stage files first or name another")
    except BaseException:
        connection.close()
        raise
    return connection


def _unusable(database: Path, error: Exception) -> CdrError:
    text = str(error).splitlines()[0]
    if "not a valid DuckDB database" in text:
        return CdrError(f"{database} is not a DuckDB database; name another file with --database")
    if database.is_dir():
        return CdrError(f"{database} is a folder; name a file with --database")
    if "ermission denied" in text or "ead-only file system" in text:
        return CdrError(
            f"cannot write {database}; make it and its folder writable or name another with --database"
        )
    return CdrError(f"cannot open {database} ({text}); name another database with --database")


def _lock_message(database: Path, text: str) -> str:
    holder = "another process"
    if found := _HOLDER.search(text):
        program, pid = found.groups()
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            program = " ".join(arguments).strip() or program
        except OSError:
            pass
        holder = f"process {pid} ({program[:200]})"
    return f"{database} is in use by {holder}; wait for it with --wait SECONDS or end it".replace("\n", " ")


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
