"""The DuckDB file: opened with the right format, rights and lock; the raw schema."""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from loader.errors import CdrError
from loader.feeds import KINDS
from loader.paths import staging_folder

if TYPE_CHECKING:
    import duckdb

# The format of DuckDB 1.4, decided when the file is made: 1.x clients cannot open what 2.0 writes by default.
STORAGE_VERSION = "v1.4.0"
# Bounds a staging process well below 1 GiB, whatever the size of a file.
STAGING_MEMORY_LIMIT = "512MiB"

FILES_COLUMNS = {
    "file_id": "BIGINT",
    "file_name": "VARCHAR",
    "path": "VARCHAR",
    "kind": "VARCHAR",
    "file_date": "DATE",
    "sha256": "VARCHAR",
    "bytes": "BIGINT",
    "header": "VARCHAR",
    "records": "BIGINT",
    "staged": "BIGINT",
    "rejected": "BIGINT",
    "state": "VARCHAR",
    "message": "VARCHAR",
    "loaded_at": "TIMESTAMP",
    "state_changed_at": "TIMESTAMP",
    "content_bytes": "BIGINT",
    "accounted_bytes": "BIGINT",
    "content_lines": "BIGINT",
    "accounted_lines": "BIGINT",
}
REJECTED_COLUMNS = {
    "file_id": "BIGINT",
    "line": "BIGINT",
    "raw": "VARCHAR",
    "reason_code": "VARCHAR",
    "detail": "VARCHAR",
}
LINEAGE_COLUMNS = {"_file_id": "BIGINT", "_line": "BIGINT", "_extra": "VARCHAR"}

RAW_TABLES: dict[str, dict[str, str]] = {
    **{kind: {**dict.fromkeys(columns, "VARCHAR"), **LINEAGE_COLUMNS} for kind, columns in KINDS.items()},
    "files": FILES_COLUMNS,
    "rejected_records": REJECTED_COLUMNS,
}

_HOLDER = re.compile(r"held in (.+?) \(PID (\d+)\)")


def quoted(identifier: str) -> str:
    """An identifier for SQL text."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string for SQL text, where a statement takes no parameter."""
    return "'" + text.replace("'", "''") + "'"


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
    # Whole row groups would be rewritten with every checkpoint, only to fill up smaller ones between them.
    connection.execute("set max_vacuum_tasks = 0")
    connection.execute(f"set memory_limit = {literal(STAGING_MEMORY_LIMIT)}")
    connection.execute(f"set temp_directory = {literal(str(folder / 'spill'))}")


def create_raw_schema(connection: "duckdb.DuckDBPyConnection") -> None:
    """Makes the raw tables that are absent. No keys: their indexes would cost memory and time with every
    file.
    """
    connection.execute("create schema if not exists raw_sinch")
    for table, columns in RAW_TABLES.items():
        listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
        connection.execute(f"create table if not exists raw_sinch.{table} ({listed})")


def has_table(connection: "duckdb.DuckDBPyConnection", schema: str, table: str) -> bool:
    """Whether the database has the table or view."""
    return (
        connection.execute(
            "select 1 from information_schema.tables where table_catalog = current_database() "
            "and table_schema = ? and table_name = ?",
            [schema, table],
        ).fetchone()
        is not None
    )


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
