"""Moves one file's records into its raw table, and proves that every byte and line of it arrived or was
rejected.

Three ways, each tried when the one before fails or cannot prove itself: DuckDB reads the file in place;
DuckDB reads its clean lines while the exact reader takes the others; the exact reader takes them all.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.content import BLOCK, Content, write_all
from loader.database import literal, quoted
from loader.feeds import KINDS, Columns
from loader.recognition import Layout
from loader.records import (
    NULL_TEXT,
    ExactReader,
    Lines,
    Record,
    Reject,
    clean_lines,
    no_clean_lines,
    sift,
    sum_of_lines,
)

if TYPE_CHECKING:
    import duckdb

# Clean lines of a text that is not read in place are copied in sections of this many bytes.
SECTION = 128 << 20
# Lines that are worth a core of their own.
PIECE = 200_000

_BATCH_RECORDS = 5000
_BATCH_CHARACTERS = 16 << 20


class Unproven(Exception):
    """The bytes or lines loaded are not those of the file."""


@dataclass
class Loaded:
    """What a file's content came to. Both sides of the proof: bytes and lines of the content, and those
    accounted for.
    """

    staged: int = 0
    rejected: int = 0
    size: int = 0
    lines: int = 0

    def check(self, content: Content) -> None:
        """Raises Unproven unless every byte and line is accounted for."""
        if (self.size, self.lines) != (content.counts.size, content.counts.lines):
            raise Unproven(
                f"only {self.size} of {content.counts.size} bytes and {self.lines} of "
                f"{content.counts.lines} lines are accounted for"
            )


Way = Callable[["duckdb.DuckDBPyConnection", Content, Layout, int, Path], Loaded]


def ways(content: Content, layout: Layout) -> list[Way]:
    """The ways to load a text, the fastest that can be right first."""
    if layout.columns is None:
        return [_load_nothing]
    in_place = content.counts.uniform and layout.line <= 2
    return [*([load_in_place] if in_place else []), load_sifted, load_exactly]


def uses_every_core(content: Content) -> bool:
    """Whether a text is so long that its pieces keep every core busy."""
    return content.counts.lines >= 2 * PIECE


def _load_nothing(
    connection: "duckdb.DuckDBPyConnection",  # noqa: ARG001
    content: Content,  # noqa: ARG001
    layout: Layout,
    file_id: int,  # noqa: ARG001
    folder: Path,  # noqa: ARG001
) -> Loaded:
    return Loaded(size=layout.offset, lines=layout.line - 1)


def load_in_place(
    connection: "duckdb.DuckDBPyConnection",
    content: Content,
    layout: Layout,
    file_id: int,
    folder: Path,  # noqa: ARG001
) -> Loaded:
    """The whole text through DuckDB's reader, for texts whose lines end alike and are valid UTF-8 without
    NUL.
    """
    assert layout.columns is not None
    counts = content.counts
    before = layout.line - 1
    text = _Text(content.path, before, counts.lines - before, counts.has_opening_quote)
    _insert(connection, text, layout.columns, file_id, layout.line)
    found = _measure(connection, layout.columns, file_id)
    if found.line_sum != sum_of_lines(layout.line, text.lines):
        raise Unproven("the lines read are not numbered one after the other")
    line_ends = counts.line_feeds + counts.crlf - before * (1 + (counts.crlf > 0))
    quotes = counts.quotes - (layout.header or "").count('"')
    return Loaded(
        staged=found.rows,
        size=layout.offset + found.size + quotes + line_ends,
        lines=before + found.rows,
    )


def load_sifted(
    connection: "duckdb.DuckDBPyConnection", content: Content, layout: Layout, file_id: int, folder: Path
) -> Loaded:
    """Clean lines through DuckDB's reader, the others through the exact one."""
    assert layout.columns is not None
    return _sift(connection, content, layout, file_id, folder, clean_lines(layout.columns.width))


def load_exactly(
    connection: "duckdb.DuckDBPyConnection", content: Content, layout: Layout, file_id: int, folder: Path
) -> Loaded:
    """Every line through the exact reader."""
    return _sift(connection, content, layout, file_id, folder, no_clean_lines)


def _sift(
    connection: "duckdb.DuckDBPyConnection",
    content: Content,
    layout: Layout,
    file_id: int,
    folder: Path,
    is_clean: Callable[[bytes, list[bytes]], list[bool]],
) -> Loaded:
    columns = layout.columns
    assert columns is not None
    batch = _Batch(connection, columns, file_id)
    quoting = content.counts.has_opening_quote
    with (
        _Sections(connection, columns, file_id, folder, layout.line, quoting) as sections,
        content.path.open("rb", buffering=0) as file,
    ):
        lines = Lines(file, layout.offset, layout.line, is_clean)
        reader = ExactReader(lines, columns.width, content.transcoded)
        for found in sift(reader, sections.write):
            batch.add(found)
        batch.flush()
        sections.flush()
    staged = _measure(connection, columns, file_id)
    account = reader.account
    if staged.line_sum != account.clean_line_sum + batch.line_sum:
        raise Unproven("the lines read are not numbered as they were written")
    return Loaded(
        staged=staged.rows,
        rejected=batch.rejects,
        size=layout.offset + account.size - batch.size + staged.size,
        lines=layout.line - 1 + account.lines + staged.rows - batch.records,
    )


@dataclass
class _Sections:
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

    def __enter__(self) -> "_Sections":
        return self

    def __exit__(self, *_: object) -> None:
        """Removes what was taken and not loaded."""
        self._path.unlink(missing_ok=True)

    def write(self, whole_lines: bytes, count: int, clean: bool) -> None:
        """Takes the text's next lines: clean ones, or placeholders."""
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
            text = _Text(self._path, 0, self._lines, self.quoting, has_placeholders=True)
            _insert(self.connection, text, self.columns, self.file_id, self.line)
        self._path.unlink(missing_ok=True)
        self.line += self._lines
        self._pending, self._pending_size = [], 0
        self._taken, self._lines, self._clean = 0, 0, False

    def _write_pending(self) -> None:
        with self._path.open("ab", buffering=0) as out:
            write_all(out, b"".join(self._pending))
        self._pending, self._pending_size = [], 0


@dataclass(frozen=True)
class _Text:
    """A text for DuckDB's reader: so many lines after the first few, with quoted fields among them or not."""

    path: Path
    skip: int
    lines: int
    quoting: bool
    has_placeholders: bool = False

    def pieces(self, number: int) -> Iterator[tuple[int, int]]:
        """Parts of about the same size: each one's first line, counted from 0, and how many it has."""
        bounds = [self.lines * at // number for at in range(number + 1)]
        return ((first, end - first) for first, end in pairwise(bounds))


def _insert(
    connection: "duckdb.DuckDBPyConnection", text: _Text, columns: Columns, file_id: int, line: int
) -> None:
    """Splits every line of a text, the first of them the file's line of that number, into the raw table,
    placeholders left out; raises duckdb.Error where a line has not the right number of fields.

    A line's number is its row's, which one core alone can count: so every core gets a piece of the text.
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
        # The last one has no limit, so that lines beyond those counted are found out.
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


def _reader(text: _Text, columns: Columns, skip: int) -> str:
    """DuckDB's reader of a text but for its first lines, in SQL.

    Settings that lose nothing silently: no sniffing, no null but one that no clean text holds, and strict
    about the number of fields. Never with store_rejects, which loses and repeats lines.
    """
    quote = '"' if text.quoting else ""
    # Read as a pattern otherwise.
    pattern = re.sub(r"([*?\[])", r"[\1]", str(text.path))
    listed = ", ".join(f"'{name}': 'VARCHAR'" for name in _incoming_names(columns))
    return (
        f"read_csv({literal(pattern)}, columns = {{{listed}}}, auto_detect = false, header = false, "
        f"skip = {skip}, compression = 'none', delim = ';', quote = '{quote}', escape = '{quote}', "
        f"comment = '', nullstr = {literal(NULL_TEXT)}, strict_mode = true, null_padding = false)"
    )


@dataclass(frozen=True)
class _Measured:
    """What the raw table holds of a file: rows, the bytes of their fields and separators but for double
    quotes, and the sum of their line numbers.
    """

    rows: int
    size: int
    line_sum: int


def _measure(connection: "duckdb.DuckDBPyConnection", columns: Columns, file_id: int) -> _Measured:
    values = [quoted(name) for name in columns.names if name not in columns.extras]
    if columns.extras:
        values.append("array_to_string(map_values(_extra::json::map(varchar, varchar)), '')")
    row = connection.execute(
        f"""
        select
            count(*),
            coalesce(
                sum(strlen(if(contains(text, '"'), replace(text, '"', ''), text)) + {columns.width - 1}), 0
            )::bigint,
            coalesce(sum(_line), 0)
        from (
            select concat({", ".join(values)}) as text, _line
            from raw_sinch.{columns.kind}
            where _file_id = ?
        )
        """,
        [file_id],
    ).fetchone()
    assert row is not None
    rows, size, line_sum = row
    return _Measured(rows, size, int(line_sum))


def _incoming_names(columns: Columns) -> list[str]:
    return [f"c{number}" for number in range(columns.width)]


@dataclass
class _Batch:
    """Records and rejects of the exact reader on their way into the tables, a bounded number at a time.

    Counts them, and of the records what `_measure` finds: size and line numbers.
    """

    connection: "duckdb.DuckDBPyConnection"
    columns: Columns
    file_id: int
    records: int = 0
    rejects: int = 0
    size: int = 0
    line_sum: int = 0
    _records: list[Record] = field(default_factory=list)
    _rejects: list[Reject] = field(default_factory=list)
    _characters: int = 0

    def add(self, found: Record | Reject) -> None:
        if isinstance(found, Record):
            self.records += 1
            self._records.append(found)
            self.line_sum += found.line
            text = ";".join(found.values)
            self.size += len(text.encode()) - text.count('"')
            self._characters += len(text)
        else:
            self.rejects += 1
            self._rejects.append(found)
            self._characters += len(found.raw)
        if len(self._records) + len(self._rejects) >= _BATCH_RECORDS or self._characters > _BATCH_CHARACTERS:
            self.flush()

    def flush(self) -> None:
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
