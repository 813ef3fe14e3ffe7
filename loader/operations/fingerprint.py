"""Whether a build could change anything: a fingerprint of all that a build reads, kept in the database.

Only a whole build by `cdr run` that ended well writes it; every dbt command that writes deletes it first
(the on-run-start hook `forget_fingerprint`), so that plain dbt, a selection, a kill or a failed test force
the next build.
"""

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import connect, opened
from loader.database.schema import has_table
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
_PACKAGES = ("cdr-tables", "dbt-core", "dbt-duckdb", "duckdb")
# Set by the build itself, or of no influence on the tables.
_NO_SETTINGS = {
    "CDR_DATABASE",
    "CDR_DEBUG",
    "CDR_MACHINE_ROLE",
    "CDR_PACKAGE_DIR",
    "DBT_SEND_ANONYMOUS_USAGE_STATS",
}


def is_up_to_date(database: Path, root: Path, wait: float = 0) -> bool:
    """Whether the last build was whole, ended well and read what a build would read now."""
    with opened(database, "read", wait) as connection:
        if not has_table(connection, "intermediate", "build_fingerprint"):
            return False
        row = connection.execute(f"select fingerprint from {TABLE}").fetchone()
        return row is not None and row[0] == _fingerprint(connection, root)


def remember(database: Path, root: Path, wait: float = 0) -> None:
    """Keeps the fingerprint of what the build that just ended well has read."""
    connection = connect(database, "write", wait)
    try:
        connection.execute(f"create or replace table {TABLE} (fingerprint varchar)")
        connection.execute(f"insert into {TABLE} values (?)", [_fingerprint(connection, root)])
    finally:
        connection.close()


def _fingerprint(connection: "duckdb.DuckDBPyConnection", root: Path) -> str:
    digest = hashlib.sha256()
    for part in _parts(connection, root):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _parts(connection: "duckdb.DuckDBPyConnection", root: Path) -> Iterator[bytes]:
    # Variables like feed_expected_until: yesterday read the calendar.
    yield str(datetime.now(UTC).date()).encode()
    yield "".join(f"{name}={version(name)};" for name in _PACKAGES).encode()
    # Hashed with the rest: a secret among them is not to be had from the fingerprint.
    settings = sorted(
        (name, value)
        for name, value in os.environ.items()
        if name.startswith(("CDR_", "DBT_")) and name not in _NO_SETTINGS
    )
    yield repr(settings).encode()
    folders = [root / part for part in _PROJECT_PARTS]
    # The user's files in place of seeds, such as CDR_RATE_CARD.
    folders += [Path(value) for name, value in settings if name.startswith("CDR_") and _is_file(value)]
    if package_project() != root:
        folders += [package_project() / part for part in _PROJECT_PARTS]
    for path in _files(folders):
        yield str(path).encode()
        yield path.read_bytes()
    yield repr(
        connection.execute(
            "select count(*), max(file_id), max(state_changed_at), max(loaded_at) from raw_sinch.files "
            # Failed and duplicate files are in no table, and a failed one is recorded anew with every try.
            "where state in ('current', 'superseded', 'withdrawn')"
        ).fetchone()
    ).encode()
    if has_table(connection, "intermediate", "build_log"):
        yield repr(
            connection.execute(
                "select count(*), max(logged_at), bit_xor(hash(l)) from intermediate.build_log as l"
            ).fetchone()
        ).encode()


def _is_file(setting: str) -> bool:
    try:
        return Path(setting).is_file()
    except (OSError, ValueError):
        return False


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file():
            yield path
        elif path.is_dir():
            # Benchmarks and the loader's tests are no part of the dbt project.
            yield from sorted(
                file
                for file in path.rglob("*")
                if file.suffix in _SUFFIXES
                and not {"loader", "benchmarks"} & set(file.relative_to(path).parts)
            )
