"""Inserts lines, records and rejects into the raw tables, and measures what arrived."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.database.sql import literal, one_row, quoted
from loader.errors import FileError
from loader.feeds import KINDS
from loader.inputs.content import BLOCK, write_all
from loader.parsing.header import Columns
from loader.parsing.lines import NULL_TEXT
from loader.parsing.records import Record, Reject
from loader.parsing.totals import ControlTotals

if TYPE_CHECKING:
    import duckdb


# Lines that make a piece for a core of its own.
PIECE = 200_000
# In SQL: a row that may be a repeated header.
_LOOKS_LIKE_A_HEADER = "strlen(call_id) < 20 and call_id ilike '%callid%'"


@dataclass(frozen=True)
class PlainText:
    """A text for DuckDB's reader: that many lines after the first ones, with quoted fields or without."""

    path: Path
    skip: int
    lines: int
    quoting: bool
    has_placeholders: bool = False

    def pieces(self, number: int) -> Iterator[tuple[int, int]]:
        """Divide the text into parts of about the same size: first line (from 0) and number of lines."""
        bounds = [self.lines * at // number for at in range(number + 1)]
        return ((first, end - first) for first, end in pairwise(bounds))


def insert_lines(
    connection: "duckdb.DuckDBPyConnection", text: PlainText, columns: Columns, file_id: int, line: int
) -> None:
    """Insert the lines of a text into the raw table, without placeholders; `line` is the first line's number.

    A line's number comes from its row number, which only one core can count: so each core reads a piece.
    Raises duckdb.Error for a line with another number of fields.
    """
    names = _incoming_names(columns)
    incoming = dict(zip(columns.names, names, strict=True))
    values = [incoming.get(name, "null") for name in KINDS[columns.kind]]
    pairs = ", ".join(
        f"{literal(name)}, {incoming[name]}" for name in columns.names if name in columns.extras
    )
    extra = f"json_object({pairs})::varchar" if pairs else "null"
    where = f"where {names[0]} <> chr(0)" if text.has_placeholders else ""
    number = 1
    if text.lines >= 2 * PIECE:
        (threads,) = connection.execute("select current_setting('threads')").fetchall()[0]
        number = min(threads, text.lines // PIECE)
    pieces = []
    for first, count in text.pieces(number):
        # The last piece has no limit, so that lines beyond those counted are detected.
        limit = f"limit {count}" if first + count < text.lines else ""
        pieces.append(
            f"""
            select {", ".join(values)}, {file_id}, number + {line + first - 1}, {extra}
            from (
                select *, row_number() over () as number
                from (from {_reader(text, columns, text.skip + first)} {limit})
            )
            {where}
            """
        )
    connection.execute(f"insert into raw_sinch.{columns.kind} by position {' union all '.join(pieces)}")


def _reader(text: PlainText, columns: Columns, skip: int) -> str:
    """Return SQL that reads a text without its first lines.

    The settings lose nothing silently: no sniffing, only a null that no clean text contains, and a strict
    number of fields. Never with store_rejects, which loses and repeats lines.
    """
    quote = '"' if text.quoting else ""
    # Otherwise DuckDB reads the path as a pattern.
    pattern = re.sub(r"([*?\[])", r"[\1]", str(text.path))
    listed = ", ".join(f"'{name}': 'VARCHAR'" for name in _incoming_names(columns))
    return (
        f"read_csv({literal(pattern)}, columns = {{{listed}}}, auto_detect = false, header = false, "
        f"skip = {skip}, compression = 'none', delim = ';', quote = '{quote}', escape = '{quote}', "
        f"comment = '', nullstr = {literal(NULL_TEXT)}, strict_mode = true, null_padding = false)"
    )


@dataclass(frozen=True)
class Measured:
    """A file's rows in the raw table: their number, the bytes of their values without double quotes, the
    separators between the values, and the sum of the line numbers.
    """

    rows: int
    values: int
    separators: int
    line_sum: int
    # Rows that may be repeated headers.
    headers: int

    def add_to(self, totals: ControlTotals) -> None:
        """Add the rows to the terms that are measured."""
        totals.fields.add(self.values, self.rows)
        totals.separators.add(self.separators, 0)


def measure(connection: "duckdb.DuckDBPyConnection", columns: Columns, file_id: int) -> Measured:
    """Measure a file's rows in the raw table."""
    values = [quoted(name) for name in columns.names if name and name not in columns.extras]
    if columns.extras:
        values.append("array_to_string(map_values(_extra::json::map(varchar, varchar)), '')")
    rows, values_size, line_sum, headers = one_row(
        connection,
        f"""
        select
            count(*),
            coalesce(
                sum(strlen(if(contains(text, '"'), replace(text, '"', ''), text))), 0
            )::bigint,
            coalesce(sum(_line), 0),
            count(*) filter ({_LOOKS_LIKE_A_HEADER})
        from (
            select concat({", ".join(values)}) as text, _line, "CallId" as call_id
            from raw_sinch.{columns.kind}
            where _file_id = ?
        )
        """,
        [file_id],
    )
    return Measured(rows, values_size, rows * (columns.width - 1), int(line_sum), headers)


def _incoming_names(columns: Columns) -> list[str]:
    return [f"c{number}" for number in range(columns.width)]


def insert_columns(connection: "duckdb.DuckDBPyConnection", table: str, columns: list[Any]) -> None:
    """Insert rows into a raw table: a list for each column, or a value that all rows have."""
    values = ", ".join("unnest(?)" if isinstance(column, list) else "?" for column in columns)
    connection.execute(f"insert into raw_sinch.{table} select {values}", columns)


# Clean lines of a text that is not read in place are inserted in sections of this many bytes.
SECTION = 128 << 20

_BATCH_RECORDS = 5000

_BATCH_CHARACTERS = 16 << 20
_FIRST = 3


@dataclass
class Sections:
    """Inserts lines by DuckDB's reader, a bounded number of bytes at a time."""

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
        """Remove lines that were added and not inserted."""
        self._path.unlink(missing_ok=True)

    def write(self, whole_lines: bytes, count: int, clean: bool) -> None:
        """Add the text's next lines: clean ones, placeholders, or none for `count` lines that are omitted."""
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
        """Insert the lines added since the last flush."""
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
    """Inserts records and rejects of the exact reader, a bounded number at a time; counts the rejects and
    adds up the records' line numbers.
    """

    connection: "duckdb.DuckDBPyConnection"
    columns: Columns
    file_id: int
    max_rejects: int
    rejects: int = 0
    line_sum: int = 0
    # A few of the rejects, with one of another detail if there is any.
    first_rejects: list[Reject] = field(default_factory=list)
    _records: list[Record] = field(default_factory=list)
    _rejects: list[Reject] = field(default_factory=list)
    _characters: int = 0

    def add(self, found: Record | Reject) -> None:
        """Add a record or reject, and flush when there are enough."""
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
        """Insert what was added since the last flush."""
        if self._records:
            by_column = dict(
                zip(self.columns.names, zip(*(r.values for r in self._records), strict=True), strict=True)
            )
            nothing = [None] * len(self._records)
            kind = self.columns.kind
            extras = [json.dumps(extra, ensure_ascii=False) for extra in self._extras()] or nothing
            lines = [record.line for record in self._records]
            insert_columns(
                self.connection,
                kind,
                [*(list(by_column.get(name, nothing)) for name in KINDS[kind]), self.file_id, lines, extras],
            )
        if self._rejects:
            insert_columns(
                self.connection,
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


def odd_width(columns: Columns, rejects: list[Reject]) -> str:
    """Return a sentence about the number of fields that all rejects have in common, or an empty text."""
    details = {reject.detail.split(";")[0] for reject in rejects}
    common = f" fields where the file has {columns.width}"
    detail = details.pop() if len(details) == 1 else ""
    return f"every record has {detail}" if detail.endswith(common) else ""
