"""Lines, records and rejects on their way into the tables, a bounded number of bytes at a time."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.errors import FileError
from loader.feeds import KINDS
from loader.inputs.content import BLOCK, write_all
from loader.parsing.header import Columns
from loader.parsing.records import Record, Reject
from loader.staging.csv_insert import PlainText, insert_lines

if TYPE_CHECKING:
    import duckdb


# Clean lines of a text that is not read in place are copied in sections of this many bytes.
SECTION = 128 << 20

_BATCH_RECORDS = 5000

_BATCH_CHARACTERS = 16 << 20
_FIRST = 3


@dataclass
class Sections:
    """Lines on their way through DuckDB's reader into the raw table, a bounded number of bytes at a time."""

    connection: "duckdb.DuckDBPyConnection"
    columns: Columns
    file_id: int
    folder: Path
    # Number of the next section's first line.
    line: int
    quoting: bool
    _taken: int = 0
    _lines: int = 0
    _clean: bool = False
    _pending: list[bytes] = field(default_factory=list)
    _pending_size: int = 0

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.file_id}.section"

    def __enter__(self) -> "Sections":
        return self

    def __exit__(self, *_: object) -> None:
        """Removes what was taken and not loaded."""
        self._path.unlink(missing_ok=True)

    def write(self, whole_lines: bytes, count: int, clean: bool) -> None:
        """Takes the text's next lines: clean ones, placeholders, or so many that are left out altogether."""
        if not whole_lines:
            self.flush()
            self.line += count
            return
        if self._taken + len(whole_lines) > SECTION:
            self.flush()
        self._pending.append(whole_lines)
        self._pending_size += len(whole_lines)
        self._taken += len(whole_lines)
        self._lines += count
        self._clean = self._clean or clean
        if self._pending_size >= BLOCK:
            self._write_pending()

    def flush(self) -> None:
        """Loads the lines taken since the last time."""
        if self._clean:
            self._write_pending()
            text = PlainText(self._path, 0, self._lines, self.quoting, has_placeholders=True)
            insert_lines(self.connection, text, self.columns, self.file_id, self.line)
        self._path.unlink(missing_ok=True)
        self.line += self._lines
        self._pending, self._pending_size = [], 0
        self._taken, self._lines, self._clean = 0, 0, False

    def _write_pending(self) -> None:
        with self._path.open("ab", buffering=0) as out:
            write_all(out, b"".join(self._pending))
        self._pending, self._pending_size = [], 0


@dataclass
class Batch:
    """Records and rejects of the exact reader on their way into the tables, a bounded number at a time.

    Counts the rejects, and adds up the records' line numbers.
    """

    connection: "duckdb.DuckDBPyConnection"
    columns: Columns
    file_id: int
    max_rejects: int
    rejects: int = 0
    line_sum: int = 0
    # A few of the rejects, an odd one among them.
    first_rejects: list[Reject] = field(default_factory=list)
    _records: list[Record] = field(default_factory=list)
    _rejects: list[Reject] = field(default_factory=list)
    _characters: int = 0

    def add(self, found: Record | Reject) -> None:
        """Takes one more; writes when enough have come together."""
        if isinstance(found, Record):
            self._records.append(found)
            self.line_sum += found.line
            self._characters += sum(map(len, found.values))
        else:
            self.rejects += 1
            if self.rejects > self.max_rejects:
                raise FileError(
                    f"more than {self.max_rejects:,} records are rejected, the last on line {found.line} "
                    f"({found.reason_code}); raise --max-rejected-records if that is right"
                )
            if len(self.first_rejects) < _FIRST or found.detail != self.first_rejects[0].detail:
                self.first_rejects = [*self.first_rejects[: _FIRST - 1], found]
            self._rejects.append(found)
            self._characters += len(found.raw)
        if len(self._records) + len(self._rejects) >= _BATCH_RECORDS or self._characters > _BATCH_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Writes what was taken since the last time."""
        if self._records:
            by_column = dict(
                zip(self.columns.names, zip(*(r.values for r in self._records), strict=True), strict=True)
            )
            nothing = [None] * len(self._records)
            kind = self.columns.kind
            extras = [json.dumps(extra, ensure_ascii=False) for extra in self._extras()] or nothing
            lines = [record.line for record in self._records]
            self._write(
                kind,
                [*(list(by_column.get(name, nothing)) for name in KINDS[kind]), self.file_id, lines, extras],
            )
        if self._rejects:
            self._write(
                "rejected_records",
                [
                    self.file_id,
                    [reject.line for reject in self._rejects],
                    [reject.raw for reject in self._rejects],
                    [reject.reason_code for reject in self._rejects],
                    [reject.detail for reject in self._rejects],
                ],
            )
        self._records, self._rejects, self._characters = [], [], 0

    def _extras(self) -> list[dict[str, str]]:
        places = [(name, at) for at, name in enumerate(self.columns.names) if name in self.columns.extras]
        return (
            [{name: record.values[at] for name, at in places} for record in self._records] if places else []
        )

    def _write(self, table: str, columns: list[Any]) -> None:
        values = ", ".join("unnest(?)" if isinstance(column, list) else "?" for column in columns)
        self.connection.execute(f"insert into raw_sinch.{table} select {values}", columns)


def odd_width(columns: Columns, rejects: list[Reject]) -> str:
    """What rejects have in common, if it is their number of fields, as a sentence."""
    details = {reject.detail.split(";")[0] for reject in rejects}
    common = f" fields where the file has {columns.width}"
    detail = details.pop() if len(details) == 1 else ""
    return f"every record has {detail}" if detail.endswith(common) else ""
