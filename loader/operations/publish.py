"""The marts and dimensions alone, in a file or folder of their own: what readers open.

Written beside its place and put there by one rename: a reader sees the old or the new publication whole, and
never blocks the daily job.
"""

import ctypes
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.builds import team_seeds
from loader.database.connection import CATALOGUE, STORAGE_VERSION, damaged, lock_down, opened
from loader.database.space import MEMORY_LIMIT
from loader.database.sql import literal, one_row, quoted
from loader.database.workspace import Workspace, working
from loader.engine import engine
from loader.errors import CdrError
from loader.paths import check_new_name, keep_mode

if TYPE_CHECKING:
    import duckdb

SCHEMA = "marts"
# A spreadsheet takes a text that begins so for a formula.
_FORMULA = "^[-=+@\\t\\r\\n＝＋－＠]"
# Marks a folder as a publication: no other folder is ever replaced.
MARK = "_publication.json"


@dataclass(frozen=True)
class Published:
    """Where the tables are, and how many rows each has."""

    out: Path
    tables: dict[str, int]


def publish(
    database: Path,
    out: Path,
    *,
    wait: float = 0,
    mask: Callable[[Path], None] | None = None,
    file_format: str | None = None,
    with_bom: bool = False,
) -> Published:
    """Write every table of the schema marts to `out`: a DuckDB file, with comments, or a folder of Parquet or
    CSV files. By default Parquet where `out` is a folder, otherwise DuckDB. `with_bom`: CSV files begin with
    a byte order mark.

    `mask` builds the marts of a copy of the database with less personal data; then those are published.

    Raises CdrError when nothing is built yet, or `out` cannot be written or is not a publication.
    """
    import duckdb

    file_format = file_format or ("parquet" if out.is_dir() else "duckdb")
    as_folder = file_format != "duckdb"
    _check(database, out, as_folder)
    try:
        with working(database) as workspace:
            source = database
            if mask is not None:
                source = _copied(database, workspace, wait)
                with team_seeds.frozen(source):
                    mask(source)
            if as_folder:
                out.mkdir(mode=0o700, exist_ok=True)
                with workspace.beside(out.resolve()) as beside:
                    tables = _write(source, beside / "new", wait, file_format, with_bom)
                    _put_folder(beside / "new", out.resolve())
            else:
                with workspace.replacing(out) as new:
                    tables = _write(source, new, wait, file_format, with_bom)
            return Published(out, tables)
    except (OSError, duckdb.Error) as error:
        if (damage := damaged(database, error)) is not None:
            raise damage from error
        reason = str(error).splitlines()[0]
        raise CdrError(f"cannot publish to {out} ({reason}); check its rights and disk") from error


def _check(database: Path, out: Path, as_folder: bool) -> None:
    if out.resolve() == database.resolve():
        raise CdrError(f"{out} is the database itself; publish to another file")
    if not out.resolve().parent.is_dir():
        raise CdrError(f"{out.parent} is not a folder; make it or publish elsewhere")
    if as_folder:
        if out.exists() and not out.is_dir():
            raise CdrError(f"{out} is a file; a publication of several files needs a folder")
        if out.exists():
            _check_folder(out)
        return
    check_new_name(out)
    if out.exists() and not (out.is_file() and _is_database(out)):
        raise CdrError(f"{out} exists and is not a DuckDB file; publish to another name")


def _check_folder(out: Path) -> None:
    """Raise CdrError where other files are in the folder, since all of it is replaced."""
    there = {path.name for path in out.iterdir()}
    if not there:
        return
    try:
        listed = set(json.loads((out / MARK).read_text())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        listed = {name for name in there if name.endswith((".parquet", ".csv"))} if MARK in there else set()
    if others := sorted(there - listed - {MARK}):
        raise CdrError(
            f"{out} contains {others[0]}, which is not part of a publication; name an empty or new folder"
        )


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(12)[8:12] == b"DUCK"


def _copied(database: Path, workspace: Workspace, wait: float) -> Path:
    """A copy of the database, made while no other process writes."""
    copy = workspace.folder / "copy" / database.name
    copy.parent.mkdir(mode=0o700)
    with opened(database, "read", wait, workspace=workspace):
        for suffix in ("", ".wal"):
            part = database.with_name(database.name + suffix)
            if part.exists():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
    return copy


def _write(source: Path, target: Path, wait: float, file_format: str, with_bom: bool) -> dict[str, int]:
    # Fails with one line when the source is locked or holds nothing.
    with opened(source, "read", wait):
        pass
    with working(source) as workspace:
        connection = engine(memory_limit=MEMORY_LIMIT, temp_directory=str(workspace.spill))
        try:
            connection.execute("set timezone = 'UTC'")
            connection.execute(f"attach {literal(str(source))} as {CATALOGUE} (read_only)")
            names = [
                name
                for (name,) in connection.execute(
                    "select table_name from duckdb_tables() "
                    "where database_name = ? and schema_name = ? order by table_name",
                    [CATALOGUE, SCHEMA],
                ).fetchall()
            ]
            if "fact_calls" not in names:
                raise CdrError(f"{source} has no marts yet; run `cdr build` first")
            if file_format == "duckdb":
                return _write_database(connection, names, target)
            return _write_files(connection, names, target, file_format, with_bom)
        finally:
            connection.close()


def _write_files(
    connection: "duckdb.DuckDBPyConnection",
    names: list[str],
    folder: Path,
    file_format: str,
    with_bom: bool,
) -> dict[str, int]:
    folder.mkdir(mode=0o700)
    lock_down(connection, folder)
    counts = {}
    for name in names:
        path = literal(str(folder / f"{name}.{file_format}"))
        if file_format == "csv":
            query, options = _as_csv(connection, name, with_bom), "format csv, header"
        else:
            query, options = f"from {CATALOGUE}.{SCHEMA}.{quoted(name)}", "format parquet, compression zstd"
        (counts[name],) = one_row(connection, f"copy ({query}) to {path} ({options})")
    (folder / MARK).write_text(json.dumps({"files": sorted(path.name for path in folder.iterdir())}) + "\n")
    return counts


def _as_csv(connection: "duckdb.DuckDBPyConnection", name: str, with_bom: bool) -> str:
    """A table's query for a CSV file: a text that a spreadsheet would take for a formula begins with an
    apostrophe. The byte order mark is the beginning of the first column's name.
    """
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() "
        "where database_name = ? and schema_name = ? and table_name = ? order by column_index",
        [CATALOGUE, SCHEMA, name],
    ).fetchall()
    selected = []
    for number, (column, data_type) in enumerate(columns):
        value = quoted(column)
        if data_type == "VARCHAR":
            value = f"if(regexp_matches({value}, '{_FORMULA}'), chr(39) || {value}, {value})"
        mark = "\ufeff" if with_bom and number == 0 else ""
        selected.append(f"{value} as {quoted(mark + column)}")
    return f"select {', '.join(selected)} from {CATALOGUE}.{SCHEMA}.{quoted(name)}"


def _write_database(connection: "duckdb.DuckDBPyConnection", names: list[str], path: Path) -> dict[str, int]:
    connection.execute(
        f"attach {literal(str(path))} as publication (storage_version {literal(STORAGE_VERSION)})"
    )
    lock_down(connection)
    connection.execute(f"create schema publication.{SCHEMA}")
    counts = {}
    for name in names:
        table = f"publication.{SCHEMA}.{quoted(name)}"
        connection.execute(f"create table {table} as from {CATALOGUE}.{SCHEMA}.{quoted(name)}")
        (counts[name],) = one_row(connection, f"select count(*) from {table}")
    for statement in _comments(connection):
        connection.execute(statement)
    connection.execute("detach publication")
    return counts


def _comments(connection: "duckdb.DuckDBPyConnection") -> list[str]:
    statements = []
    for kind, name, comment in connection.execute(
        "select 'table', table_name, comment from duckdb_tables() "
        "where database_name = ? and schema_name = ? and comment is not null",
        [CATALOGUE, SCHEMA],
    ).fetchall():
        statements.append(f"comment on {kind} publication.{SCHEMA}.{quoted(name)} is {literal(comment)}")
    for table, column, comment in connection.execute(
        "select columns.table_name, columns.column_name, columns.comment from duckdb_columns() as columns "
        "where database_name = ? and schema_name = ? and comment is not null",
        [CATALOGUE, SCHEMA],
    ).fetchall():
        statements.append(
            f"comment on column publication.{SCHEMA}.{quoted(table)}.{quoted(column)} is {literal(comment)}"
        )
    return statements


def _put_folder(new: Path, out: Path) -> None:
    """Replace a folder by one rename, which Linux can do for two folders; elsewhere the old one is moved away
    first. Folder and files keep their modes, and a new file gets the mark's.
    """
    keep_mode(new, out)
    for file in new.iterdir():
        keep_mode(file, out / MARK)
        keep_mode(file, out / file.name)
    if _exchanged(new, out):
        return
    old = new.with_name("replaced")
    out.rename(old)
    new.rename(out)


def _exchanged(one: Path, other: Path) -> bool:
    at_current_folder, exchange = -100, 2
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    return bool(
        rename(at_current_folder, os.fsencode(one), at_current_folder, os.fsencode(other), exchange) == 0
    )
