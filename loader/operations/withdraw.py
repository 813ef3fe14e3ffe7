"""Take delivered files out of the tables, and restore them."""

from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.calls import shared_calls
from loader.database.manifest import File, State, find, name_key, now, set_state
from loader.errors import CdrError
from loader.inputs.naming import base_name

if TYPE_CHECKING:
    import duckdb


def resolve(connection: "duckdb.DuckDBPyConnection", text: str, states: tuple[str, ...]) -> File:
    """The one file of a file_id, a path or a name; of several versions only those in `states` count.

    Raises CdrError when there is none or more than one.
    """
    if text.isdigit():
        found = find(connection, "file_id = ?", [int(text)])
    else:
        path = str(Path(text).absolute().parent.resolve() / Path(text).name)
        named = find(
            connection,
            "nfc_normalize(path) in (nfc_normalize(?), nfc_normalize(?)) "
            "or nfc_normalize(file_name) in (nfc_normalize(?), nfc_normalize(?))",
            [text, path, text, base_name(text)],
        )
        # Without a slash it is a name, even if a file in the current folder has it.
        paths = {name_key(text), name_key(path)} if "/" in text else set()
        exact = [file for file in named if name_key(file.path) in paths]
        candidates = exact or named
        found = [file for file in candidates if file.state in states] or candidates[-1:]
    if not found:
        raise CdrError(f"there is no delivered file {text}; see `cdr files`")
    if len(found) > 1:
        listed = ", ".join(f"{file.file_id} ({file.file_date or 'no date'}, {file.path})" for file in found)
        raise CdrError(f"{text} names {len(found)} files: {listed}; give the file_id or a path of one alone")
    return found[0]


def withdraw(connection: "duckdb.DuckDBPyConnection", text: str) -> File:
    """Take a current or superseded file out of every table from the next build on; a withdrawn one stays so.

    Raises CdrError when the file is in no table.
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
    """Undo a withdrawal.

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
    if rivals := _in_its_place(connection, file):
        taken = rivals[0]
        is_copy = taken.sha256 == file.sha256
        what = f"the same content ({taken.path})" if is_copy else f"the current version of {file.file_name}"
        raise CdrError(f"file {taken.file_id} is {what}; withdraw it first to restore file {file.file_id}")
    set_state(connection, file, State.CURRENT, "")
    return file


def _in_its_place(connection: "duckdb.DuckDBPyConnection", file: File) -> list[File]:
    """Current files whose calls a restored file would count twice: copies, or versions of its delivery."""
    current = find(
        connection,
        "state = ? and kind is not distinct from ? and (sha256 = ? or ("
        "nfc_normalize(file_name) = ? and file_date is not distinct from ?))",
        [State.CURRENT, file.kind, file.sha256, file.name_key, file.file_date],
    )
    pairs = [(file.file_id, one.file_id) for one in current if file.staged and one.staged]
    shared = shared_calls(connection, [f"raw_sinch.{file.kind}"], pairs) if pairs else {}
    return [
        one for one in current if not (file.staged and one.staged) or (file.file_id, one.file_id) in shared
    ]


def superseded_by(connection: "duckdb.DuckDBPyConnection", file: File) -> list[File]:
    """The files that this one superseded: its withdrawal does not restore them."""
    return find(connection, "state = 'superseded' and message = ?", [f"superseded by file {file.file_id}"])
