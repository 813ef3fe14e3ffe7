"""The DuckDB file: opened with the right format, rights and lock; the raw schema."""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from loader.database.lock import holder_message
from loader.database.schema import check_is_ours, check_not_newer, create_raw_schema, has_table
from loader.database.sql import literal
from loader.database.workspace import Workspace, remove_spill, working
from loader.engine import engine
from loader.errors import CdrError

if TYPE_CHECKING:
    import duckdb


# The format of DuckDB 1.4, decided when the file is made: 1.x clients cannot open what 2.0 writes by default.
STORAGE_VERSION = "v1.4.0"

# The name under which the file is attached, in the profile too. DuckDB would take the file's, which may hide
# a schema of the same name (marts.duckdb) or not be what dbt expects (main.duckdb).
CATALOGUE = "sinch_cdr"

# How many row groups DuckDB merges at a checkpoint; 0 puts it off, see space.py.
VACUUM_SETTING = "max_vacuum_tasks"

# What DuckDB writes beside the file.
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
    """A connection to read or write an existing database, or to write one that is created where it is absent;
    closed at the end. A publication may hold the marts alone. What does not fit into memory goes into a
    workspace, its own where none is given.

    To read is no more than that, whatever the database holds: its views and texts reach no file but those
    below `writes_to`.

    Waits up to `wait` seconds for the file's lock. Raises CdrError when the file is missing, locked, damaged,
    not a database, of another version, without staged files, or cannot be made or written.
    """
    import duckdb

    with ExitStack() as stack:
        workspace = workspace or stack.enter_context(working(database))
        connection = _connect(database, access, wait, workspace, is_publication, writes_to)
        stack.callback(connection.close)
        try:
            yield connection
        except duckdb.Error as error:
            if os.environ.get("CDR_DEBUG") or (told := explained(database, error)) is None:
                raise
            raise told from error


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
            # Holding the lock: whatever is there was left by a client that was killed.
            remove_spill(database)
        connection.execute("set timezone = 'UTC'")
        if access == "read":
            lock_down(connection, writes_to)
        elif access == "create":
            create_raw_schema(connection)
        if not (is_publication or has_table(connection, "raw_sinch", "files")):
            raise CdrError(f"nothing was ever staged into {database}; stage files first or name another")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_files(database: Path, access: Access) -> None:
    """Raises CdrError for what is no file where one should be: opening a pipe would wait for its other end,
    and a log that is a link would write over what it leads to.
    """
    if not database.exists():
        if access != "create":
            raise CdrError(f"no database at {database}; stage files first or name another with --database")
        if not database.parent.is_dir():
            raise CdrError(
                f"{database.parent} is not a folder; make it or name another database with --database"
            )
        if database.is_symlink():
            raise CdrError(f"{database} is a link to nothing; make what it leads to or name another database")
    elif database.is_dir():
        raise CdrError(f"{database} is a folder; name a file with --database")
    elif not database.is_file():
        raise CdrError(f"{database} is no file; name another with --database")
    for suffix in _LOGS:
        log = database.with_name(database.name + suffix)
        if os.path.lexists(log) and not stat.S_ISREG(log.lstat().st_mode):
            raise CdrError(f"{log} is no file, and DuckDB would write to it; remove it")


def lock_down(connection: "duckdb.DuckDBPyConnection", writes_to: Path | None = None) -> None:
    """Keeps the connection to what it has attached, for good; it may write below a folder."""
    if writes_to is not None:
        connection.execute(f"set allowed_directories = [{literal(str(writes_to))}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


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


def _attached(database: Path, workspace: Workspace, *, read_only: bool) -> "duckdb.DuckDBPyConnection":
    connection = engine(
        storage_compatibility_version=STORAGE_VERSION,
        temp_directory=str(workspace.spill),
        **{VACUUM_SETTING: 0},
    )
    try:
        access = " (read_only)" if read_only else ""
        connection.execute(f"attach {literal(str(database))} as {CATALOGUE}{access}")
        # Before `use`: from then on names may mean what the file says.
        check_is_ours(connection, CATALOGUE, database, writes=not read_only)
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
    if "ermission denied" in text or "ead-only file system" in text:
        return CdrError(
            f"cannot write {database}; make it and its folder writable or name another with --database"
        )
    return explained(database, error) or CdrError(
        f"cannot open {database} ({text}); name another database with --database"
    )


def reason(error: Exception) -> str:
    """Why one file could not be loaded, with the remedy where there is no room on the disk."""
    text = str(error).splitlines()[0]
    if not _NO_ROOM.search(text):
        return text
    return f"there is no room for it ({text}); make room on the database's disk and stage it again"


def damaged(database: Path, error: Exception) -> CdrError | None:
    """One line, with the remedy, where the error is that the file is not as it was written."""
    if not _DAMAGED.search(str(error)):
        return None
    text = str(error).splitlines()[0]
    return CdrError(
        f"{database} is damaged ({text}); put a backup in its place, or stage the files into a new one"
    )


def explained(database: Path, error: Exception) -> CdrError | None:
    """One line, with the remedy, for what DuckDB says of a file that it cannot use; None for other errors."""
    import duckdb

    text = str(error).splitlines()[0]
    if isinstance(error, duckdb.BinderException):
        return CdrError(
            f"the tables in {database} were built by another version of cdr-tables; `cdr build` rebuilds them"
        )
    if isinstance(error, duckdb.PermissionException):
        return CdrError(
            f"{database} holds a view that reads other files, which is none of cdr's ({text}); "
            "use a database that you made yourself"
        )
    if (damage := damaged(database, error)) is not None:
        return damage
    if _NO_ROOM.search(str(error)) or isinstance(error, duckdb.IOException | duckdb.FatalException):
        return CdrError(f"cannot write {database} or beside it ({text}); make room on its disk and try again")
    return None


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
