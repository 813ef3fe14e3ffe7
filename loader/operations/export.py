"""The raw tables as Parquet, for a distributed engine: one file per delivered file, by kind and file date.

A reader that reads only records of files that are current in `files` never sees half an export: new records
are written first, then `files` is replaced, and records no longer current are removed last.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from loader.database.connection import opened
from loader.database.manifest import MARK, File, State, find
from loader.database.sql import literal
from loader.database.workspace import working
from loader.errors import CdrError
from loader.feeds import KINDS
from loader.operations.destinations import Destination, destination

if TYPE_CHECKING:
    import duckdb


CATALOGUE = "_export.json"

# Hive's name for the partition of NULL.
_NO_DATE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Exported:
    """How many Parquet files with records were written, already there, and removed."""

    written: int
    kept: int
    removed: int


def export(database: Path, place: str) -> Exported:
    """Update the export in a folder, or below a prefix in object storage, writing only what changed.

    Raises CdrError when the place contains something else or cannot be written.
    """
    import duckdb

    try:
        with working(database) as workspace:
            target = destination(place, workspace)
            with opened(database, "read", writes_to=target.writes_to, workspace=workspace) as connection:
                return _export(connection, target)
    except (OSError, duckdb.IOException) as error:
        raise CdrError(
            f"cannot write into {place} ({str(error).splitlines()[0]}); check its rights and disk"
        ) from error


def _export(connection: "duckdb.DuckDBPyConnection", target: Destination) -> Exported:
    there = target.names(CATALOGUE)
    # Written first, so that an interrupted first export can be continued.
    if CATALOGUE not in there:
        _write_catalogue(target, [])
    present = {name for name in there if _holds_records(PurePosixPath(name))}
    wanted = {_name(file): file for file in find(connection, "state = ? and staged > 0", [State.CURRENT])}
    for name, file in wanted.items():
        if name not in present:
            rows = f"select * from raw_sinch.{file.kind} where _file_id = {file.file_id} order by _line"
            _write_parquet(connection, rows, target, name)
    for table in ("files", "rejected_records"):
        _write_parquet(connection, f"select * from raw_sinch.{table}", target, f"{table}/{table}.parquet")
    stale = present - wanted.keys()
    target.remove(stale)
    _write_catalogue(target, [_entry(name, file) for name, file in wanted.items()])
    return Exported(len(wanted.keys() - present), len(wanted.keys() & present), len(stale))


def _name(file: File) -> str:
    """A name of content and id: an existing file of that name is right, whichever database wrote it."""
    # Both become parts of a path, and of a query.
    if file.kind not in set(KINDS) or not re.fullmatch("[0-9a-f]{64}", file.sha256 or ""):
        raise CdrError(
            f"file {file.file_id} has no kind or content that cdr stages; use a database of your own"
        )
    assert file.sha256 is not None
    day = file.file_date.isoformat() if file.file_date else _NO_DATE
    content = file.sha256
    if file.message.startswith(MARK):
        # Its records were changed since: they are no longer the content.
        content = hashlib.sha256(f"{file.sha256} {file.message}".encode()).hexdigest()
    return f"{file.kind}/file_date={day}/file_{file.file_id}_{content[:16]}.parquet"


def _holds_records(path: PurePosixPath) -> bool:
    return path.parts[0] in KINDS and path.match("*/file_date=*/*.parquet")


def _write_parquet(
    connection: "duckdb.DuckDBPyConnection", query: str, target: Destination, name: str
) -> None:
    with target.written(name) as path:
        connection.execute(
            f"copy ({query}) to {literal(str(path))} (format parquet, compression zstd, use_tmp_file false)"
        )


def _write_catalogue(target: Destination, entries: list[dict[str, object]]) -> None:
    with target.written(CATALOGUE) as path:
        path.write_text(json.dumps({"files": entries}, indent=2) + "\n")


def _entry(name: str, file: File) -> dict[str, object]:
    return {
        "file_id": file.file_id,
        "kind": file.kind,
        "file_date": file.file_date.isoformat() if file.file_date else None,
        "records": file.staged,
        "path": name,
    }
