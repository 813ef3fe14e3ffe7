"""Takes delivered files out of the tables, and back in."""

from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.manifest import File, State, find, now, set_state
from loader.errors import CdrError
from loader.inputs.naming import base_name

if TYPE_CHECKING:
    import duckdb


def resolve(connection: "duckdb.DuckDBPyConnection", text: str, states: tuple[str, ...]) -> File:
    """The one file that a file_id, a path or a name stands for; of several versions only those in `states`
    count.

    Raises CdrError when there is none or more than one.
    """
    if text.isdigit():
        found = find(connection, "file_id = ?", [int(text)])
    else:
        path = str(Path(text).absolute().parent.resolve() / Path(text).name)
        named = find(connection, "path in (?, ?) or file_name in (?, ?)", [text, path, text, base_name(text)])
        exact = [file for file in named if file.path in (text, path)]
        candidates = exact or named
        found = [file for file in candidates if file.state in states] or candidates[-1:]
    if not found:
        raise CdrError(f"no delivered file is {text}; see `cdr files`")
    if len(found) > 1:
        listed = ", ".join(f"{file.file_id} ({file.file_date or 'no date'}, {file.path})" for file in found)
        raise CdrError(f"{text} names {len(found)} files: {listed}; give the file_id")
    return found[0]


def withdraw(connection: "duckdb.DuckDBPyConnection", text: str) -> File:
    """Takes a current or superseded file out of every table from the next build on; says so when it already
    is.

    Raises CdrError when the file is in no table anyway.
    """
    file = resolve(connection, text, (State.CURRENT,))
    if file.state in (State.DUPLICATE, State.FAILED):
        raise CdrError(
            f"file {file.file_id} ({file.file_name}) is {file.state} and in no table; nothing to withdraw"
        )
    if file.state != State.WITHDRAWN:
        set_state(connection, file, State.WITHDRAWN, f"withdrawn on {now():%Y-%m-%d}, was {file.state}")
    return file


def restore(connection: "duckdb.DuckDBPyConnection", text: str) -> File:
    """Undoes a withdrawal.

    Raises CdrError when the file is not withdrawn, was purged, or another version took its place.
    """
    file = resolve(connection, text, (State.WITHDRAWN,))
    if file.state != State.WITHDRAWN:
        raise CdrError(
            f"file {file.file_id} ({file.file_name}) is {file.state}, not withdrawn; nothing to undo"
        )
    if file.is_purged:
        raise CdrError(
            f"file {file.file_id} ({file.file_name}) was {file.message}: its records are gone for good; "
            "nothing to undo"
        )
    current = find(
        connection,
        "state = 'current' and file_name = ? and kind is not distinct from ? "
        "and file_date is not distinct from ?",
        [file.file_name, file.kind, file.file_date],
    )
    if current:
        raise CdrError(
            f"file {current[0].file_id} is the current version of {file.file_name}; "
            f"withdraw it first to restore file {file.file_id}"
        )
    set_state(connection, file, State.CURRENT, "")
    return file


def superseded_by(connection: "duckdb.DuckDBPyConnection", file: File) -> File | None:
    """The version that this one had taken the place of, if there was one: it does not come back by itself."""
    found = find(connection, "state = 'superseded' and message = ?", [f"superseded by file {file.file_id}"])
    return found[-1] if found else None
