"""Erases the records of old files for good."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import damaged, opened, transaction
from loader.database.manifest import PURGED, File, State, find, now
from loader.database.schema import RAW_TABLES, has_table
from loader.database.space import MEMORY_LIMIT, UNFINISHED_PURGE, blocks, explained, rewrite
from loader.database.sql import literal, one_row, quoted
from loader.database.workspace import find_leftovers
from loader.errors import CdrError
from loader.feeds import KINDS

if TYPE_CHECKING:
    import duckdb

    from loader.builds.build import Build

# The files whose records any purge erased, before a date.
_PURGED_FILES = (
    f"select file_id from raw_sinch.files where starts_with(message, {literal(PURGED)}) "
    "and coalesce(file_date, cast(loaded_at as date)) < ?"
)
# These tables keep the names of purged files.
_MANIFEST = {("raw_sinch", name) for name in ("files", "looks")}
# Tables of builds whose names do not begin with build_.
_KEPT_BY_BUILDS = ("team_seeds", "day_history")


@dataclass(frozen=True)
class Purged:
    """The files whose records were erased, with the number of their raw and rejected records; how many failed
    files lost their message and header; the files without a day, which are never purged; and whether the
    tables still contain some of what any purge erased.
    """

    files: list[File]
    records: int
    rejects: int
    failed: int
    undated: int
    in_tables: bool = False


def purge(database: Path, before: date, *, dry_run: bool = False, wait: float = 0) -> Purged:
    """Delete raw and rejected records of files whose day is before the date, whatever their state, and mark
    the files withdrawn. Clear headers and messages, also of failed files and duplicates of that time, and
    drop what tests stored. Then rewrite the database file, since freed blocks keep their content.

    Raises CdrError when the database cannot be used or there is no room to rewrite it.
    """
    import duckdb

    with opened(database, "read" if dry_run else "write", wait) as connection:
        purged, failures = _choose(connection, before)
        if not dry_run:
            try:
                connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
                _delete(connection, [file.file_id for file in purged.files], failures)
                connection.execute("checkpoint")
            except duckdb.Error as error:
                raise CdrError(
                    f"nothing was erased from {database} ({_reason(error)}); purge again"
                ) from error
    if not dry_run:
        try:
            rewrite(database)
        except (duckdb.Error, OSError) as error:
            if (damage := damaged(database, error)) is not None:
                raise damage from error
            raise CdrError(
                f"the records are deleted, but {database} could not be rewritten without them: "
                f"{explained(database, error)} and purge again"
            ) from error
        with opened(database, "read") as connection:
            return replace(purged, in_tables=_is_in_tables(connection, before))
    return purged


def _is_in_tables(connection: "duckdb.DuckDBPyConnection", before: date) -> bool:
    """Whether models have rows of purged files."""
    held = {
        ("marts", "fact_calls"): "select file_id from marts.fact_calls",
        ("intermediate", "build_log"): (
            "select try_cast(split_part(unit, '|', 1) as bigint) as file_id from intermediate.build_log"
        ),
    }
    return any(
        connection.execute(
            f"select 1 from ({query}) where file_id in ({_PURGED_FILES}) limit 1", [before]
        ).fetchone()
        for table, query in held.items()
        if has_table(connection, *table)
    )


@dataclass(frozen=True)
class Proof:
    """What remains of the erased files: records in raw tables, calls in fact_calls, rows of other tables, and
    free blocks of the file, which may contain old content. And what cdr does not erase: tables that no build
    of this project makes, and files of other commands beside the database.
    """

    records: int
    calls: int
    rows: int
    old_blocks: int
    build_passed: bool
    not_ours: list[str]
    leftovers: list[str]

    @property
    def complete(self) -> bool:
        """Whether nothing remains in the tables and files of this project."""
        left = self.records or self.calls or self.rows or self.old_blocks or self.leftovers
        return self.build_passed and not left


def erase_everywhere(
    database: Path,
    before: date,
    *,
    wait: float = 0,
    progress: Callable[[int, int, str], None],
    stdout_to_stderr: bool,
) -> tuple[Purged, Proof]:
    """Purge, build so that the tables follow, and rewrite the file without what the tables dropped.

    Raises CdrError when a step cannot be done; the steps before it hold.
    """
    from loader.builds.build import build
    from loader.operations.compact import compact

    purged = purge(database, before, wait=wait)
    built = build(
        database,
        ("--exclude-resource-type", "unit_test"),
        quiet=True,
        stdout_to_stderr=stdout_to_stderr,
        wait=wait,
        progress=progress,
    )
    compact(database, wait)
    return purged, _prove(database, before, built)


def _prove(database: Path, before: date, built: "Build") -> Proof:
    with opened(database, "read") as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = current_database() "
            "order by all"
        ).fetchall()
        ours = [(schema, name) for schema, name in tables if _is_ours(schema, name, built.relations)]
        left = {
            (schema, name): _left_in(connection, schema, name, before)
            for schema, name in ours
            if (schema, name) not in _MANIFEST
        }
    raw = {("raw_sinch", name) for name in (*KINDS, "rejected_records")}
    return Proof(
        records=sum(count for table, count in left.items() if table in raw),
        calls=left.get(("marts", "fact_calls"), 0),
        rows=sum(count for table, count in left.items() if table not in {*raw, ("marts", "fact_calls")}),
        old_blocks=blocks(database).free,
        build_passed=built.exit_code == 0,
        not_ours=[f"{schema}.{name}" for schema, name in tables if (schema, name) not in ours],
        leftovers=[path.name for path in find_leftovers(database)],
    )


def _is_ours(schema: str, name: str, built: frozenset[tuple[str, str]]) -> bool:
    """Whether the loader or a build makes the table, and so removes what was purged from it."""
    if schema == "raw_sinch":
        return name in RAW_TABLES
    kept = name.startswith("build_") or name in _KEPT_BY_BUILDS
    return (schema, name) in built or (kept and schema in {one for one, _ in built})


def _left_in(connection: "duckdb.DuckDBPyConnection", schema: str, name: str, before: date) -> int:
    """The number of a table's rows that come from purged files, where it names a row's file."""
    column = connection.execute(
        "select column_name from duckdb_columns() where database_name = current_database() "
        "and schema_name = ? and table_name = ? and column_name in ('file_id', '_file_id')",
        [schema, name],
    ).fetchone()
    if column is None:
        return 0
    table = f"{quoted(schema)}.{quoted(name)}"
    query = f"select count(*) from {table} where {column[0]} in ({_PURGED_FILES})"
    return int(one_row(connection, query, [before])[0])


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0]


def _choose(connection: "duckdb.DuckDBPyConnection", before: date) -> tuple[Purged, list[int]]:
    holding = [State.CURRENT, State.SUPERSEDED, State.WITHDRAWN]
    old = find(connection, "file_date < ? and state in (?, ?, ?)", [before, *holding])
    files = [file for file in old if not file.is_purged]
    # A failed file often has no day: the day of loading counts instead.
    without_records = find(
        connection,
        "coalesce(file_date, cast(loaded_at as date)) < ? and state in (?, ?) "
        "and not starts_with(message, ?)",
        [before, State.FAILED, State.DUPLICATE, PURGED],
    )
    failures = [file for file in without_records if file.state == State.FAILED]
    undated = find(connection, "file_date is null and state in (?, ?, ?)", holding)
    records, rejects = sum(f.staged for f in files), sum(f.rejected for f in files)
    return Purged(files, records, rejects, len(failures), len(undated)), [
        file.file_id for file in without_records
    ]


def _delete(connection: "duckdb.DuckDBPyConnection", file_ids: list[int], others: list[int]) -> None:
    """Delete records of files, and the headers and messages of these and others in the manifest."""
    at = now()
    with transaction(connection):
        # What `--store-failures` kept of records.
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = current_database() "
            "and ends_with(schema_name, 'dbt_test__audit')"
        ).fetchall():
            connection.execute(f"drop table {quoted(schema)}.{quoted(name)}")
        for kind in KINDS:
            connection.execute(
                f"delete from raw_sinch.{kind} where _file_id in (select unnest(?))", [file_ids]
            )
        connection.execute(
            "delete from raw_sinch.rejected_records where file_id in (select unnest(?))", [file_ids]
        )
        connection.execute(
            "update raw_sinch.files set state = ?, message = ?, header = null, state_changed_at = ? "
            "where file_id in (select unnest(?))",
            [State.WITHDRAWN, f"{PURGED}{at:%Y-%m-%d}", at, file_ids],
        )
        connection.execute(
            "update raw_sinch.files set message = ?, header = null, state_changed_at = ? "
            "where file_id in (select unnest(?))",
            [f"{PURGED}{at:%Y-%m-%d}", at, others],
        )
        connection.execute(f"create table if not exists {UNFINISHED_PURGE} (begun_at timestamp)")
