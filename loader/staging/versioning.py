"""The rules that decide what becomes of a delivery, and the manifest's row for it."""

from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from loader.database.connection import transaction
from loader.database.manifest import FILE_FIELDS, File, State, find, now, set_state

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Decision:
    """What becomes of a delivery: loaded (no `existing`), skipped as `redelivered`, or a duplicate of
    `existing`.
    """

    existing: File | None = None
    redelivered: bool = False


def with_content(connection: "duckdb.DuckDBPyConnection", sha256: str | None) -> list[File]:
    """The delivered files of the same content, by file_id."""
    return find(connection, "sha256 = ?", [sha256])


def decide(same_content: list[File], file: File, has_records: bool) -> Decision:
    """Decides about a delivery by the files of the same content. Its `file_date` is the day said by option or
    names, None when only the records tell.

    A delivery known by content, name, kind and day is skipped whatever became of it since, so that staging
    the same folder again never brings back what was withdrawn or replaced. The same content otherwise is a
    duplicate, with two exceptions: files without records, since two empty days are two days, and a file whose
    equals were all withdrawn under its own name, since that is how a wrong day is put right.
    """
    equals = [one for one in same_content if one.state != State.FAILED and one.kind == file.kind]
    same = [
        one for one in equals if one.file_name == file.file_name and file.file_date in (None, one.file_date)
    ]
    if same:
        return Decision(_most_alive(same), redelivered=True)
    originals = [one for one in equals if one.state != State.DUPLICATE]
    redated = all(
        one.state == State.WITHDRAWN and not one.is_purged and one.file_name == file.file_name
        for one in originals
    )
    if not has_records or redated:
        return Decision()
    return Decision(_most_alive(originals))


def _most_alive(files: list[File]) -> File:
    return next((file for file in files if file.state == State.CURRENT), files[-1])


def record(connection: "duckdb.DuckDBPyConnection", file: File) -> None:
    """Writes a new row. A failed delivery tried again takes the place of its earlier failure, and keeps its
    file_id if it fails again. A current one supersedes the version that was current before it.
    """
    before = find(
        connection,
        """
        (state = 'failed' and (path = ? or (file_name = ? and (sha256 = ? or file_date = ?))))
        or (
            state = 'current' and file_name = ? and (kind is null or kind is not distinct from ?)
            and file_date is not distinct from ?
        )
        """,
        [file.path, file.file_name, file.sha256, file.file_date, file.file_name, file.kind, file.file_date],
    )
    failures = [earlier for earlier in before if earlier.state == State.FAILED]
    for failure in failures:
        connection.execute("delete from raw_sinch.files where file_id = ?", [failure.file_id])
    if failures and file.state == State.FAILED:
        file.file_id = failures[0].file_id
    if file.state == State.CURRENT:
        for earlier in before:
            if earlier.state == State.CURRENT:
                set_state(connection, earlier, State.SUPERSEDED, f"superseded by file {file.file_id}")
    file.loaded_at = file.state_changed_at = now()
    values = [getattr(file, column.name) for column in fields(File)]
    marks = ", ".join("?" * len(values))
    connection.execute(f"insert into raw_sinch.files ({FILE_FIELDS}) values ({marks})", values)


def record_failure(connection: "duckdb.DuckDBPyConnection", file: File, problem: str) -> File:
    """Records the file as failed. Where even that cannot be recorded, as on a full disk, it is still
    reported.
    """
    import duckdb

    failure = replace(file, state=State.FAILED, message=problem)
    with suppress(duckdb.Error), transaction(connection):
        record(connection, failure)
    return failure
