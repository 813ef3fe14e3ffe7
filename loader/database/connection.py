"""Connections to the database file: its format, rights and lock, and DuckDB's errors explained."""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from loader.database.lock import holder_message
from loader.database.schema import check_is_ours, check_not_newer, create_raw_schema, has_table, note_tables
from loader.database.sql import literal
from loader.database.workspace import Workspace, remove_spill, working
from loader.engine import engine
from loader.errors import CdrError
from loader.paths import check_new_name

if TYPE_CHECKING:
    import duckdb


# The format of DuckDB 1.4, fixed when the file is created: 1.x clients cannot open the default of 2.0.
STORAGE_VERSION = "v1.4.0"

# The name under which the file is attached, also in the profile. DuckDB would use the file's name, which may
# hide a schema of the same name (marts.duckdb) or differ from what dbt expects (main.duckdb).
CATALOGUE = "sinch_cdr"

# How many row groups DuckDB merges at a checkpoint; 0 puts it off, see space.py.
VACUUM_SETTING = "max_vacuum_tasks"

# Files that DuckDB writes next to the database.
_LOGS = (".wal", ".wal.checkpoint", ".wal.recovery")

_NO_ROOM = re.compile(
    r"No space left|File too large|Disk quota|ould not write|ailed to write|max_temp_directory"
)
_DAMAGED = re.compile(r"orrupt|hecksum|read enough bytes|out of (?:range|bounds)|truncated", re.IGNORECASE)

_HOLDER = re.compile(r"held in (.+?) \(PID (\d+)\)")

Access = Literal["read", "write", "create"]


@contextmanager
def opened(
    database: Path,
    access: Access,
    wait: float = 0,
    *,
    is_publication: bool = False,
    writes_to: Path | None = None,
    workspace: Workspace | None = None,
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """Open a database to read it, to write it, or to write it and create it if absent; close it at the end.
    A publication may hold the marts alone. Data that does not fit into memory goes into the workspace, or
    into a new one.

    A connection to read reaches no files but those below `writes_to`, whatever views the database holds.

    Waits up to `wait` seconds for the file's lock. Raises CdrError when the file is missing, locked, damaged,
    not a database, of another version, without staged files, or cannot be created or written.
    """
    import duckdb

    with ExitStack() as stack:
        workspace = workspace or stack.enter_context(working(database))
        connection = _connect(database, access, wait, workspace, is_publication, writes_to)
        stack.callback(connection.close)
        try:
            yield connection
        except duckdb.Error as error:
            if os.environ.get("CDR_DEBUG") or (explanation := explained(database, error)) is None:
                raise
            raise explanation from error


def _connect(
    database: Path,
    access: Access,
    wait: float,
    workspace: Workspace,
    is_publication: bool,
    writes_to: Path | None,
) -> "duckdb.DuckDBPyConnection":
    _check_files(database, access)
    connection = retried(database, wait, lambda: _attached(database, workspace, read_only=access == "read"))
    try:
        check_not_newer(connection, database)
        if access != "read":
            # The lock is held, so any spill here was left by a killed client.
            remove_spill(database)
        connection.execute("set timezone = 'UTC'")
        if access == "read":
            lock_down(connection, writes_to)
            note_tables(connection)
        elif access == "create":
            create_raw_schema(connection)
        if not (is_publication or has_table(connection, "raw_sinch", "files")):
            raise CdrError(f"nothing was ever staged into {database}; stage files first or name another")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_files(database: Path, access: Access) -> None:
    """Raise CdrError for a database or log that is not a regular file: opening a pipe would block, and a log
    that is a link would overwrite its target.
    """
    if not database.exists():
        if access != "create":
            raise CdrError(f"no database at {database}; stage files first or name another with --database")
        if not database.parent.is_dir():
            raise CdrError(
                f"{database.parent} is not a folder; make it or name another database with --database"
            )
        if database.is_symlink():
            raise CdrError(f"{database} is a link to nothing; create its target or name another database")
        check_new_name(database)
    elif database.is_dir():
        raise CdrError(f"{database} is a folder; name a file with --database")
    elif not database.is_file():
        raise CdrError(f"{database} is not a file; name another with --database")
    for suffix in _LOGS:
        log = database.with_name(database.name + suffix)
        if os.path.lexists(log) and not stat.S_ISREG(log.lstat().st_mode):
            raise CdrError(f"{log} is not a file, and DuckDB would write to it; remove it")


def lock_down(connection: "duckdb.DuckDBPyConnection", writes_to: Path | None = None) -> None:
    """Restrict the connection to what it has attached, for good; it may write below `writes_to`."""
    if writes_to is not None:
        connection.execute(f"set allowed_directories = [{literal(str(writes_to))}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def retried(
    database: Path, wait: float, connect: "Callable[[], duckdb.DuckDBPyConnection]"
) -> "duckdb.DuckDBPyConnection":
    """Call `connect`, again for up to `wait` seconds while the database file is locked.

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


# States of database files that were checked: a command opens the same file several times.
_checked: set[tuple[object, ...]] = set()


def _state(database: Path) -> Iterator[object]:
    """Yield what changes when a database or its log is written."""
    for path in (database, database.with_name(database.name + ".wal")):
        if path.exists():
            found = path.stat()
            yield from (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _attached(database: Path, workspace: Workspace, *, read_only: bool) -> "duckdb.DuckDBPyConnection":
    connection = engine(
        storage_compatibility_version=STORAGE_VERSION,
        temp_directory=str(workspace.spill),
        **{VACUUM_SETTING: 0},
    )
    # A file that this command creates holds nothing to check.
    is_new = not database.exists()
    try:
        access = " (read_only)" if read_only else ""
        connection.execute(f"attach {literal(str(database))} as {CATALOGUE}{access}")
        # Before `use`: after it, names may resolve to objects of the file.
        if not is_new and (state := (not read_only, *_state(database))) not in _checked:
            check_is_ours(connection, CATALOGUE, database, writes=not read_only)
            _checked.add(state)
        connection.execute(f"use {CATALOGUE}")
    except BaseException:
        connection.close()
        raise
    return connection


def cursor(connection: "duckdb.DuckDBPyConnection") -> "duckdb.DuckDBPyConnection":
    """Open a second connection to the database, for another thread: DuckDB's own cursor forgets `use`."""
    second = connection.cursor()
    second.execute(f"use {CATALOGUE}")
    return second


def _unusable(database: Path, error: Exception) -> CdrError:
    text = str(error).splitlines()[0]
    # For another engine's file DuckDB asks for that engine's extension.
    if "not a valid DuckDB database" in text or text.startswith("IO Error: Extension "):
        return CdrError(f"{database} is not a DuckDB database; name another file with --database")
    if "ermission denied" in text or "ead-only file system" in text:
        return CdrError(
            f"cannot write {database}; make it and its folder writable or name another with --database"
        )
    return explained(database, error) or CdrError(
        f"cannot open {database} ({text}); name another database with --database"
    )


def reason(error: Exception) -> str:
    """Return why a file could not be loaded, with the remedy for a full disk."""
    text = str(error).splitlines()[0]
    if not _NO_ROOM.search(text):
        return text
    return f"there is no room for it ({text}); make room on the database's disk and stage it again"


def damaged(database: Path, error: Exception) -> CdrError | None:
    """Return an error with the remedy if DuckDB's error shows a damaged file."""
    if not _DAMAGED.search(str(error)):
        return None
    text = str(error).splitlines()[0]
    return CdrError(
        f"{database} is damaged ({text}); put a backup in its place, or stage the files into a new one"
    )


def explained(database: Path, error: Exception) -> CdrError | None:
    """Return an error with the remedy for DuckDB's errors about the file; None for others."""
    import duckdb

    text = str(error).splitlines()[0]
    if isinstance(error, duckdb.BinderException):
        return CdrError(
            f"the tables in {database} were built by another version of cdr-tables; `cdr build` rebuilds them"
        )
    if isinstance(error, duckdb.PermissionException):
        return CdrError(
            f"{database} holds a view that reads other files, which cdr did not create ({text}); "
            "use a database that you created yourself"
        )
    if (damage := damaged(database, error)) is not None:
        return damage
    if _NO_ROOM.search(str(error)) or isinstance(error, duckdb.IOException | duckdb.FatalException):
        return CdrError(f"cannot write {database} or beside it ({text}); make room on its disk and try again")
    return None


@contextmanager
def transaction(connection: "duckdb.DuckDBPyConnection") -> Iterator[None]:
    """Commit all statements or none."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
