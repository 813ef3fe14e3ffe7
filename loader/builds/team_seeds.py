"""A team's own seeds: CSV files that the environment names, and that builds keep in the database."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import opened
from loader.database.schema import has_table

if TYPE_CHECKING:
    import duckdb

# The variables are CDR_<KIND>; macros/seeds/team_seeds.sql reads and keeps what they name.
KINDS = ("invoices", "rate_card", "billing_increments")
VARIABLES = tuple(f"CDR_{kind.upper()}" for kind in KINDS)
# The value that means the project's own seed.
PROJECT = "project"


def named() -> dict[str, str]:
    """The environment's values by kind: absolute paths, or `project`."""
    values = {kind: os.environ.get(variable) for kind, variable in zip(KINDS, VARIABLES, strict=True)}
    return {kind: _absolute(value) for kind, value in values.items() if value}


def name_absolutely() -> None:
    """Make the paths in the environment absolute: builds keep them, and must find them from every folder."""
    for kind, value in named().items():
        os.environ[f"CDR_{kind.upper()}"] = value


def are_as_remembered(connection: "duckdb.DuckDBPyConnection") -> bool:
    """Whether a build would use the same seeds as the last one."""
    values, remembered = named(), _remembered(connection)
    for kind in KINDS:
        value, kept = values.get(kind), remembered.get(kind)
        if value is None and kept is not None:
            # The path counts where it can be read.
            if _content(kept[0]) not in (None, kept[1]):
                return False
        elif value not in (None, PROJECT):
            if kept is None or kept != (value, _content(str(value))):
                return False
        elif kept is not None:
            return False
    return True


@contextmanager
def frozen(copy: Path) -> Iterator[None]:
    """Use the seeds of the last build, for builds of a copy of its database, wherever the files are now."""
    with opened(copy, "write") as connection:
        remembers = has_table(connection, "reference", "team_seeds")
        if remembers:
            connection.execute("update reference.team_seeds set path = ''")
    before = {name: os.environ.pop(name) for name in VARIABLES if remembers and name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)


def _remembered(connection: "duckdb.DuckDBPyConnection") -> dict[str, tuple[str, str]]:
    if not has_table(connection, "reference", "team_seeds"):
        return {}
    rows = connection.execute("select kind, path, content from reference.team_seeds").fetchall()
    return {kind: (path, content) for kind, path, content in rows}


def _absolute(value: str) -> str:
    return value if value == PROJECT or re.match("[A-Za-z]+:", value) else str(Path(value).absolute())


def _content(path: str) -> str | None:
    try:
        return Path(path).read_bytes().decode()
    except (OSError, ValueError):
        return None
