"""What was delivered: the rows of raw_sinch.files and the rules that decide what becomes of a delivery."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.errors import CdrError
from loader.naming import base_name

if TYPE_CHECKING:
    import duckdb

CURRENT, SUPERSEDED, WITHDRAWN, DUPLICATE, FAILED = STATES = (
    "current",
    "superseded",
    "withdrawn",
    "duplicate",
    "failed",
)
PURGED = "purged on "


@dataclass
class File:
    """One delivered version of a file; fields as the columns of raw_sinch.files, in their order."""

    file_id: int
    file_name: str
    path: str
    kind: str | None = None
    file_date: date | None = None
    sha256: str | None = None
    bytes: int | None = None
    header: str | None = None
    records: int = 0
    staged: int = 0
    rejected: int = 0
    state: str = CURRENT
    message: str = ""
    loaded_at: datetime | None = None
    state_changed_at: datetime | None = None
    content_bytes: int | None = None
    accounted_bytes: int | None = None
    content_lines: int | None = None
    accounted_lines: int | None = None

    @property
    def is_purged(self) -> bool:
        """Whether its records were erased for good."""
        return self.state == WITHDRAWN and self.message.startswith(PURGED)


_COLUMNS = ", ".join(column.name for column in fields(File))


@contextmanager
def transaction(connection: "duckdb.DuckDBPyConnection") -> Iterator[None]:
    """All of it or nothing."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def now() -> datetime:
    """UTC, without a zone, as the manifest keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


def find(connection: "duckdb.DuckDBPyConnection", condition: str, parameters: list[Any]) -> list[File]:
    """The files that meet a condition in SQL, by file_id."""
    rows = connection.execute(
        f"select {_COLUMNS} from raw_sinch.files where {condition} order by file_id", parameters
    ).fetchall()
    return [File(*row) for row in rows]


def next_file_id(connection: "duckdb.DuckDBPyConnection") -> int:
    """One more than any yet, so that ids follow the order of loading."""
    row = connection.execute("select coalesce(max(file_id), 0) + 1 from raw_sinch.files").fetchone()
    assert row is not None
    return int(row[0])


@dataclass(frozen=True)
class Verdict:
    """What becomes of a delivery: staged (no `equal`), skipped as known, or recorded as a duplicate of
    `equal`.
    """

    equal: File | None = None
    known: bool = False


def judge(
    connection: "duckdb.DuckDBPyConnection",
    sha256: str,
    file_name: str,
    kind: str | None,
    explicit_date: date | None,
    has_records: bool,
) -> Verdict:
    """Decides by content. `explicit_date` is the day said by option or names, None when only the records
    tell.

    A delivery known by content, name, kind and day is skipped whatever became of it since, so that staging
    the same folder again never brings back what was withdrawn or replaced. The same content otherwise is a
    duplicate, with two exceptions: files without records, since two empty days are two days, and a file whose
    equals were all withdrawn under its own name, since that is how a wrong day is put right.
    """
    equals = [
        file
        for file in find(connection, "sha256 = ?", [sha256])
        if file.state != FAILED and file.kind == kind
    ]
    same = [
        file for file in equals if file.file_name == file_name and explicit_date in (None, file.file_date)
    ]
    if same:
        return Verdict(_most_alive(same), known=True)
    originals = [file for file in equals if file.state != DUPLICATE]
    redated = all(
        file.state == WITHDRAWN and not file.is_purged and file.file_name == file_name for file in originals
    )
    if not has_records or redated:
        return Verdict()
    return Verdict(_most_alive(originals))


def _most_alive(files: list[File]) -> File:
    return next((file for file in files if file.state == CURRENT), files[-1])


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
    failures = [earlier for earlier in before if earlier.state == FAILED]
    for failure in failures:
        connection.execute("delete from raw_sinch.files where file_id = ?", [failure.file_id])
    if failures and file.state == FAILED:
        file.file_id = failures[0].file_id
    if file.state == CURRENT:
        for earlier in before:
            if earlier.state == CURRENT:
                _set_state(connection, earlier, SUPERSEDED, f"superseded by file {file.file_id}")
    file.loaded_at = file.state_changed_at = now()
    values = [getattr(file, column.name) for column in fields(File)]
    marks = ", ".join("?" * len(values))
    connection.execute(f"insert into raw_sinch.files ({_COLUMNS}) values ({marks})", values)


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
    file = resolve(connection, text, (CURRENT,))
    if file.state in (DUPLICATE, FAILED):
        raise CdrError(
            f"file {file.file_id} ({file.file_name}) is {file.state} and in no table; nothing to withdraw"
        )
    if file.state != WITHDRAWN:
        _set_state(connection, file, WITHDRAWN, f"withdrawn on {now():%Y-%m-%d}, was {file.state}")
    return file


def restore(connection: "duckdb.DuckDBPyConnection", text: str) -> File:
    """Undoes a withdrawal.

    Raises CdrError when the file is not withdrawn, was purged, or another version took its place.
    """
    file = resolve(connection, text, (WITHDRAWN,))
    if file.state != WITHDRAWN:
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
    _set_state(connection, file, CURRENT, "")
    return file


def _set_state(connection: "duckdb.DuckDBPyConnection", file: File, state: str, message: str) -> None:
    file.state, file.message, file.state_changed_at = state, message, now()
    connection.execute(
        "update raw_sinch.files set state = ?, message = ?, state_changed_at = ? where file_id = ?",
        [file.state, file.message, file.state_changed_at, file.file_id],
    )
