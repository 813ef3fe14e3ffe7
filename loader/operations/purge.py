"""Erases the records of old files for good."""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import STORAGE_VERSION, opened, transaction
from loader.database.manifest import PURGED, File, State, find, now
from loader.database.sql import literal, quoted
from loader.errors import CdrError
from loader.feeds import KINDS

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Purged:
    """The files whose records were erased, with how many raw and rejected records that were, and the files of
    no known day, which are never purged.
    """

    files: list[File]
    records: int
    rejects: int
    undated: int


def purge(database: Path, before: date, *, dry_run: bool = False, wait: float = 0) -> Purged:
    """Deletes raw and rejected records of files whose day is before the date, whatever their state, and marks
    the files withdrawn; then writes the database file anew, since freed blocks would keep their content.

    Raises CdrError when the database cannot be used or there is no room to write it anew.
    """
    with opened(database, "read" if dry_run else "write", wait) as connection:
        purged = _choose(connection, before)
        if not dry_run and purged.files:
            _delete(connection, [file.file_id for file in purged.files])
        if not dry_run:
            connection.execute("checkpoint")
    if not dry_run:
        _rewrite(database)
    return purged


def _choose(connection: "duckdb.DuckDBPyConnection", before: date) -> Purged:
    holding = [State.CURRENT, State.SUPERSEDED, State.WITHDRAWN]
    old = find(connection, "file_date < ? and state in (?, ?, ?)", [before, *holding])
    files = [file for file in old if not file.is_purged]
    undated = find(connection, "file_date is null and state in (?, ?, ?)", holding)
    return Purged(files, sum(f.staged for f in files), sum(f.rejected for f in files), len(undated))


def _delete(connection: "duckdb.DuckDBPyConnection", file_ids: list[int]) -> None:
    at = now()
    with transaction(connection):
        for kind in KINDS:
            connection.execute(
                f"delete from raw_sinch.{kind} where _file_id in (select unnest(?))", [file_ids]
            )
        connection.execute(
            "delete from raw_sinch.rejected_records where file_id in (select unnest(?))", [file_ids]
        )
        connection.execute(
            "update raw_sinch.files set state = ?, message = ?, state_changed_at = ? "
            "where file_id in (select unnest(?))",
            [State.WITHDRAWN, f"{PURGED}{at:%Y-%m-%d}", at, file_ids],
        )


def _rewrite(database: Path) -> None:
    """Replaces the database file by a copy that holds nothing but what is in it."""
    import duckdb

    target = database.resolve()
    copy = target.with_name(f".{target.name}.rewrite")
    copy.unlink(missing_ok=True)
    connection = duckdb.connect()
    try:
        connection.execute(f"attach {literal(str(target))} as purged_original (read_only)")
        # Under the name that the file's own gives it: the views inside name the database.
        own = quoted(target.stem)
        connection.execute(
            f"attach {literal(str(copy))} as {own} (storage_version {literal(STORAGE_VERSION)})"
        )
        connection.execute(f"copy from database purged_original to {own}")
        connection.execute(f"detach {own}")
        with copy.open("rb") as written:
            os.fsync(written.fileno())
        # While the original is attached nobody else writes to it.
        copy.replace(target)
    except (duckdb.Error, OSError) as error:
        reason = str(error).splitlines()[0]
        raise CdrError(
            f"the records are deleted, but {database} could not be written anew without them ({reason}); "
            "make room for a copy and purge again"
        ) from error
    finally:
        connection.close()
        copy.unlink(missing_ok=True)
