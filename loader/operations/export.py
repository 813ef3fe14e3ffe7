"""The raw tables as Parquet, for a distributed engine: one file per delivered file, by kind and file date.

A reader that takes the records of the files that `files` says are current never sees half an export: new
records are written first, then `files` is replaced, and records no longer current are removed last.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.manifest import File, State, find
from loader.database.sql import literal
from loader.errors import CdrError
from loader.feeds import KINDS

if TYPE_CHECKING:
    import duckdb


CATALOGUE = "_export.json"

# Hive's name for the partition of NULL.
_NO_DATE = "__HIVE_DEFAULT_PARTITION__"

# Engines pass over names that start with an underscore.
_UNFINISHED = "_unfinished_"


@dataclass(frozen=True)
class Exported:
    """How many Parquet files with records were written, already there, and removed."""

    written: int
    kept: int
    removed: int


def export(connection: "duckdb.DuckDBPyConnection", folder: Path) -> Exported:
    """Brings the export in the folder up to date with the database, writing only what changed.

    Raises CdrError when the folder holds something else or cannot be written.
    """
    import duckdb

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / CATALOGUE).exists():
            raise CdrError(f"{folder} holds something that is no export; name an empty or new folder")
        return _export(connection, folder)
    except (OSError, duckdb.IOException) as error:
        raise CdrError(
            f"cannot write into {folder} ({str(error).splitlines()[0]}); check its rights and disk"
        ) from error


def _export(connection: "duckdb.DuckDBPyConnection", folder: Path) -> Exported:
    # From the first moment on, so that an interrupted first export can be taken up.
    if not (folder / CATALOGUE).exists():
        _write_catalogue(folder, [])
    wanted = {
        _place(folder, file): file for file in find(connection, "state = ? and staged > 0", [State.CURRENT])
    }
    present = set(_present(folder))
    for path, file in wanted.items():
        if path not in present:
            rows = f"select * from raw_sinch.{file.kind} where _file_id = {file.file_id} order by _line"
            _write_parquet(connection, rows, path)
    for table in ("files", "rejected_records"):
        _write_parquet(connection, f"select * from raw_sinch.{table}", folder / table / f"{table}.parquet")
    stale = present - wanted.keys()
    for path in stale:
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    _write_catalogue(folder, [_entry(folder, path, file) for path, file in wanted.items()])
    return Exported(len(wanted.keys() - present), len(wanted.keys() & present), len(stale))


def _place(folder: Path, file: File) -> Path:
    """The name tells content and id, so that a file there is the right one whichever database wrote it."""
    assert file.sha256 is not None
    day = file.file_date.isoformat() if file.file_date else _NO_DATE
    return folder / str(file.kind) / f"file_date={day}" / f"file_{file.file_id}_{file.sha256[:16]}.parquet"


def _present(folder: Path) -> Iterator[Path]:
    for kind in KINDS:
        for path in (folder / kind).glob("file_date=*/*.parquet"):
            if path.name.startswith(_UNFINISHED):
                path.unlink()
            else:
                yield path


def _write_parquet(connection: "duckdb.DuckDBPyConnection", query: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(_UNFINISHED + path.name)
    connection.execute(f"copy ({query}) to {literal(str(unfinished))} (format parquet, compression zstd)")
    unfinished.replace(path)


def _write_catalogue(folder: Path, entries: list[dict[str, object]]) -> None:
    unfinished = folder / f"{_UNFINISHED}{CATALOGUE}"
    unfinished.write_text(json.dumps({"files": entries}, indent=2) + "\n")
    unfinished.replace(folder / CATALOGUE)


def _entry(folder: Path, path: Path, file: File) -> dict[str, object]:
    return {
        "file_id": file.file_id,
        "kind": file.kind,
        "file_date": file.file_date.isoformat() if file.file_date else None,
        "records": file.staged,
        "path": str(path.relative_to(folder)),
    }
