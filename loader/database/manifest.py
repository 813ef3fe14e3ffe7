"""The manifest: the rows of raw_sinch.files, one for each delivered version of a file."""

import unicodedata
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


class State(StrEnum):
    """The state of a delivered version; only records of current ones are in the tables."""

    CURRENT = "current"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    DUPLICATE = "duplicate"
    FAILED = "failed"


PURGED = "purged on "
# The message of a file with redacted records (`cdr subject --erase`) begins so.
MARK = "redacted on "


@dataclass
class File:
    """One delivered version of a file; the fields are the columns of raw_sinch.files, in order."""

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
    state: str = State.CURRENT
    message: str = ""
    loaded_at: datetime | None = None
    state_changed_at: datetime | None = None
    content_bytes: int | None = None
    accounted_bytes: int | None = None
    content_lines: int | None = None
    accounted_lines: int | None = None
    # The first day covered if its name gives two days, and not before its first call.
    covers_from: date | None = None

    @property
    def name_key(self) -> str:
        """The name in the form in which names are compared."""
        return name_key(self.file_name)

    @property
    def is_purged(self) -> bool:
        """Whether its records were purged."""
        return self.state == State.WITHDRAWN and self.message.startswith(PURGED)


def name_key(name: str) -> str:
    """Return a name in Unicode form NFC, whichever system wrote it."""
    return unicodedata.normalize("NFC", name)


FILE_FIELDS = ", ".join(column.name for column in fields(File))


def now() -> datetime:
    """Return the time in UTC without a zone, as the manifest keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


def latest_day(moment: datetime) -> date:
    """Return the last day that a file loaded at that moment can cover: clocks and zones differ by a day."""
    return moment.date() + timedelta(days=1)


def find(connection: "duckdb.DuckDBPyConnection", condition: str, parameters: list[Any]) -> list[File]:
    """Return the files that meet a condition in SQL, by file_id."""
    cursor = connection.execute(
        f"select * from raw_sinch.files where {condition} order by file_id", parameters
    )
    # A database of an earlier version may lack a column until something is staged into it.
    names = [column[0] for column in cursor.description or ()]
    return [File(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def without_mark(message: str) -> str:
    """Return a file's message without the mark of a redaction."""
    return message.partition("; ")[2] if message.startswith(MARK) else message


def set_state(connection: "duckdb.DuckDBPyConnection", file: File, state: str, message: str) -> None:
    """Set a file's state, with the reason as message; the mark of a redaction stays."""
    if file.message.startswith(MARK):
        message = "; ".join(part for part in (file.message.partition("; ")[0], message) if part)
    file.state, file.message, file.state_changed_at = state, message, now()
    connection.execute(
        "update raw_sinch.files set state = ?, message = ?, state_changed_at = ? where file_id = ?",
        [file.state, file.message, file.state_changed_at, file.file_id],
    )
