"""Fingerprints of all that a build reads, kept in the database: what is unchanged need not be built.

Only a successful build by `cdr run` writes them; every dbt command that writes deletes them first (the
on-run-start hook `forget_fingerprint`), so that plain dbt, a selection, a kill or a failed test force a whole
build the next time.
"""

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from loader.builds import team_seeds
from loader.database.connection import opened
from loader.database.schema import has_table
from loader.database.sql import quoted
from loader.paths import package_project

if TYPE_CHECKING:
    import duckdb

TABLE = "intermediate.build_fingerprint"
_PROJECT_PARTS = (
    "dbt_project.yml",
    "packages.yml",
    "selectors.yml",
    "macros",
    "models",
    "profiles",
    "seeds",
    "tests",
)
_SUFFIXES = {".sql", ".yml", ".csv", ".md"}
PACKAGES = ("cdr-tables", "dbt-core", "dbt-duckdb", "duckdb")
# Set by the build itself, or without influence on the tables.
_NO_SETTINGS = {
    "CDR_DATABASE",
    "CDR_DEBUG",
    "CDR_MACHINE_ROLE",
    "CDR_PACKAGE_DIR",
    "CDR_TEMP_DIRECTORY",
    "DBT_LOG_LEVEL_FILE",
    "DBT_LOG_PATH",
    "DBT_SEND_ANONYMOUS_USAGE_STATS",
    "DBT_TARGET_PATH",
    "DBT_WRITE_JSON",
}


class Due(StrEnum):
    """What is to be built: nothing, what depends on deliveries, or everything."""

    NOTHING = "nothing"
    DELIVERIES = "deliveries"
    EVERYTHING = "everything"


def what_is_due(connection: "duckdb.DuckDBPyConnection", root: Path) -> Due:
    """Compare with the last build: everything is due where that failed.

    Where the project, its settings, its views and what it builds of seeds alone are unchanged, its seeds with
    their tests, its views and what has the tag `constant` would be the same again.
    """
    if not has_table(connection, "intermediate", "build_fingerprint"):
        return Due.EVERYTHING
    if not team_seeds.are_as_remembered(connection):
        return Due.EVERYTHING
    kept = connection.execute(f"from {TABLE}").fetchone()
    project, deliveries = _fingerprints(connection, root)
    if kept == (project, deliveries):
        return Due.NOTHING
    return Due.DELIVERIES if kept is not None and kept[0] == project else Due.EVERYTHING


def remember(database: Path, root: Path, wait: float = 0) -> None:
    """Keep the fingerprints of what a build has just read; call it only after a successful one."""
    with opened(database, "write", wait) as connection:
        connection.execute(f"create or replace table {TABLE} (project varchar, deliveries varchar)")
        connection.execute(f"insert into {TABLE} values (?, ?)", _fingerprints(connection, root))
        connection.execute(
            f"comment on table {TABLE} is 'One row: hashes of what the last successful `cdr run` read.';"
            f"comment on column {TABLE}.project is 'Of the project, its settings, views and seeds.';"
            f"comment on column {TABLE}.deliveries is 'Of the deliveries, the day, and build_log.'"
        )


def _fingerprints(connection: "duckdb.DuckDBPyConnection", root: Path) -> tuple[str, str]:
    return _hashed(_project(connection, root)), _hashed(_deliveries(connection))


def _hashed(parts: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _project(connection: "duckdb.DuckDBPyConnection", root: Path) -> Iterator[bytes]:
    yield "".join(f"{name}={version(name)};" for name in PACKAGES).encode()
    # Hashed with the rest: the fingerprint discloses no secret among them.
    settings = sorted(
        (name, value)
        for name, value in os.environ.items()
        # A team's own seeds are compared by content.
        if name.startswith(("CDR_", "DBT_")) and name not in {*_NO_SETTINGS, *team_seeds.VARIABLES}
    )
    yield repr(settings).encode()
    folders = [root / part for part in _PROJECT_PARTS]
    if package_project() != root:
        folders += [package_project() / part for part in _PROJECT_PARTS]
    for path in _files(folders):
        yield str(path).encode()
        yield path.read_bytes()
    # Views, seeds, and the small tables that every build replaces: somebody may have changed them by hand.
    views = connection.execute(
        "select schema_name, view_name, sql from duckdb_views()"
        " where database_name = current_database() and not internal order by all"
    )
    yield repr(views.fetchall()).encode()
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = current_database()"
        " and schema_name in ('reference', 'intermediate') and not starts_with(table_name, 'build_')"
    ).fetchall()
    logged = set()
    if has_table(connection, "intermediate", "build_log"):
        logged = set(connection.execute("select distinct model from intermediate.build_log").fetchall())
    for schema, table in sorted(tables):
        if (table,) not in logged:
            content = f"select count(*), sum(hash(t)) from {quoted(schema)}.{quoted(table)} as t"
            yield repr((schema, table, connection.execute(content).fetchone())).encode()


def _deliveries(connection: "duckdb.DuckDBPyConnection") -> Iterator[bytes]:
    # Variables like feed_expected_until: yesterday read the calendar.
    yield str(datetime.now(UTC).date()).encode()
    yield repr(
        connection.execute(
            "select count(*), max(file_id), max(state_changed_at), max(loaded_at) from raw_sinch.files "
            # Failed and duplicate files are in no table, and every try of a failed one changes its row.
            "where state in ('current', 'superseded', 'withdrawn')"
        ).fetchone()
    ).encode()
    if has_table(connection, "intermediate", "build_log"):
        yield repr(
            connection.execute(
                "select count(*), max(logged_at), bit_xor(hash(l)) from intermediate.build_log as l"
            ).fetchone()
        ).encode()


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file():
            yield path
        elif path.is_dir():
            # Benchmarks and the tests of the loader are not part of the dbt project.
            yield from sorted(
                file
                for file in path.rglob("*")
                if file.suffix in _SUFFIXES
                and not {"loader", "benchmarks"} & set(file.relative_to(path).parts)
            )
