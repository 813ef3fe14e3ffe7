"""Personal data that a build had to hide and did not: such tables must not be handed out."""

from pathlib import Path
from typing import TYPE_CHECKING

from loader.builds.variables import declared_variables
from loader.database.connection import opened
from loader.database.schema import has_table
from loader.errors import CdrError
from loader.paths import PROJECT_FILE, project_root

if TYPE_CHECKING:
    import duckdb

_NAMED = 5


def still_shown(database: Path, wait: float = 0) -> str | None:
    """Name the marts whose newest build had to hide personal data and failed, in a sentence; None where there
    are none. Builds log it in intermediate.build_pii_modes (macros/cleaning/pii_modes.sql).

    Raises CdrError when the database cannot be read.
    """
    with opened(database, "read", wait, is_publication=True) as connection:
        return _still_shown(connection)


def require_hidden(database: Path, wait: float = 0) -> None:
    """Check that the marts show what the project's pii_mode allows, before they are handed out.

    Raises CdrError that names the marts that show more.
    """
    declared = str(declared_variables(project_root()).get("pii_mode", "clear"))
    with opened(database, "read", wait, is_publication=True) as connection:
        # A publication was already handed out.
        if not has_table(connection, "raw_sinch", "files"):
            return
        problem = _still_shown(connection)
        if problem is None and declared != "clear":
            shown = {mode for _, _, mode, is_there in _modes(connection) if is_there}
            if shown != {declared}:
                problem = (
                    f"pii_mode is {declared} in {PROJECT_FILE}, and the marts were built otherwise; "
                    "run `cdr build`"
                )
    if problem:
        raise CdrError(
            f"{problem}; nothing was written (--allow-shown of `cdr publish` and `cdr report` does)"
        )


def _still_shown(connection: "duckdb.DuckDBPyConnection") -> str | None:
    behind = [
        (name, wanted)
        for name, wanted, shown, is_there in _modes(connection)
        if wanted not in ("clear", shown) and (is_there or shown is None)
    ]
    if not behind:
        return None
    names = [name for name, _ in behind]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (
        f"pii_mode is {behind[0][1]}, and {', '.join(names[:_NAMED])}{more} could not be built: they keep"
        " their old content, in clear if it was; correct what failed and run `cdr build` again"
    )


def _modes(connection: "duckdb.DuckDBPyConnection") -> list[tuple[str, str, str | None, bool]]:
    """Each mart's name, wanted mode, shown mode (None: never built) and whether the table exists."""
    if not has_table(connection, "intermediate", "build_pii_modes"):
        return []
    return connection.execute(
        """
        select modes.relation, modes.wanted, modes.shown, tables.table_name is not null
        from intermediate.build_pii_modes as modes
        left join information_schema.tables as tables
            on tables.table_catalog = current_database()
            and modes.relation = tables.table_schema || '.' || tables.table_name
        qualify row_number() over (partition by modes.relation order by modes.entry desc) = 1
        order by modes.relation
        """
    ).fetchall()
