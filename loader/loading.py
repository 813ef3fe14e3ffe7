"""Moves one file's records into its raw table, and proves that every byte and line of it arrived or was
rejected.

Three ways, each tried when the one before fails or cannot prove itself: DuckDB reads the file in place;
DuckDB reads its clean lines while the exact reader takes the others; the exact reader takes them all.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from loader.content import BLOCK, Content, write_all
from loader.database import literal
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
)

if TYPE_CHECKING:
    import duckdb

# Text that DuckDB is given to read at once: with more, its table of what it read would not stay in memory. A
# text larger than WHOLE is copied in sections.
WHOLE = 224 << 20
SECTION = 128 << 20

_BATCH_RECORDS = 5000
_BATCH_CHARACTERS = 16 << 20
_INCOMING = "temp.main.incoming"


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


def _load_nothing(
    connection: "duckdb.DuckDBPyConnection",  # noqa: ARG001
    content: Content,  # noqa: ARG001
    layout: Layout,
    file_id: int,  # noqa: ARG001
    folder: Path,  # noqa: ARG001
) -> Loaded:
    return Loaded(size=layout.offset, lines=layout.line - 1)


def load_in_place(
    connection: "duckdb.DuckDBPyConnection", content: Content, layout: Layout, file_id: int, folder: Path
) -> Loaded:
    """The whole text through DuckDB's reader, for texts whose lines end alike and are valid UTF-8 without
    NUL.
    """
    counts = content.counts
    with _Sections(connection, layout, file_id, folder, counts.has_opening_quote) as sections:
        if counts.size <= WHOLE:
            sections.load(content.path, skip=layout.line - 1)
        else:
            with content.path.open("rb", buffering=0) as file:
                file.seek(layout.offset)
                for whole_lines in _whole_lines(file):
                    sections.write(whole_lines)
            sections.flush()
    line_ends = counts.line_feeds + counts.crlf - (layout.line - 1) * (1 + (counts.crlf > 0))
    quotes = counts.quotes - (layout.header or "").count('"')
    return Loaded(
        staged=sections.inserted,
        size=layout.offset + sections.size + sections.taken_off(quotes) + line_ends,
        lines=layout.line - 1 + sections.rows,
    )


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file in blocks that end with a line's end, but for the last."""
    rest = b""
    while block := file.read(BLOCK):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield rest + block[:cut]
            rest = block[cut:]
        else:
            rest += block
    if rest:
        yield rest


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
    with (
        _Sections(connection, layout, file_id, folder, content.counts.has_opening_quote) as sections,
        content.path.open("rb", buffering=0) as file,
    ):
        lines = Lines(file, layout.offset, layout.line, is_clean)
        reader = ExactReader(lines, columns.width, content.transcoded)
        for found in sift(reader, sections.write):
            batch.add(found)
        batch.flush()
        sections.flush()
    clean = sections.rows - sections.placeholders
    if sections.inserted != clean or sections.placeholders != reader.account.lines:
        raise Unproven(f"only {sections.inserted} of {clean} clean records were inserted")
    clean_size = sections.size - sections.placeholders * columns.width + clean
    return Loaded(
        staged=sections.inserted + batch.records,
        rejected=batch.rejects,
        size=layout.offset
        + reader.account.size
        + clean_size
        + sections.taken_off(reader.account.clean_quotes),
        lines=layout.line - 1 + reader.account.lines + clean,
    )


@dataclass
class _Sections:
    """A text on its way through DuckDB's reader into the raw table, a bounded piece at a time.

    What was read so far: rows, placeholders among them, bytes of their fields and separators, records
    inserted.
    """

    connection: "duckdb.DuckDBPyConnection"
    layout: Layout
    file_id: int
    folder: Path
    quoting: bool
    rows: int = 0
    placeholders: int = 0
    size: int = 0
    quotes: int = 0
    inserted: int = 0
    _taken: int = 0
    _pending: list[bytes] = field(default_factory=list)
    _pending_size: int = 0

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.file_id}.section"

    def taken_off(self, quotes: int) -> int:
        """How many of the quotes in the text enclosed fields or doubled others, and are in no value."""
        return quotes - self.quotes if self.quoting else 0

    def __enter__(self) -> "_Sections":
        return self

    def __exit__(self, *_: object) -> None:
        """Removes what was taken and not loaded."""
        self._path.unlink(missing_ok=True)

    def write(self, whole_lines: bytes) -> None:
        """Takes the text's next lines."""
        if self._taken + len(whole_lines) > SECTION:
            self.flush()
        self._pending.append(whole_lines)
        self._pending_size += len(whole_lines)
        self._taken += len(whole_lines)
        if self._pending_size >= BLOCK:
            self._write_pending()

    def flush(self) -> None:
        """Loads the lines taken since the last time."""
        if self._taken:
            self._write_pending()
            self.load(self._path, skip=0)
            self._path.unlink()
            self._taken = 0

    def _write_pending(self) -> None:
        with self._path.open("ab", buffering=0) as out:
            write_all(out, b"".join(self._pending))
        self._pending, self._pending_size = [], 0

    def load(self, path: Path, skip: int) -> None:
        """Loads a text's lines, but for the first few."""
        columns = self.layout.columns
        assert columns is not None
        _read(self.connection, path, columns, skip, self.quoting)
        read = _measure(self.connection, columns, self.quoting)
        self.inserted += _insert(self.connection, columns, self.file_id, self.layout.line + self.rows, read)
        self.rows += read.rows
        self.placeholders += read.placeholders
        self.size += read.size
        self.quotes += read.quotes


def _read(
    connection: "duckdb.DuckDBPyConnection", path: Path, columns: Columns, skip: int, quoting: bool
) -> None:
    """Splits every line of a text into the table `incoming`, or raises duckdb.Error.

    Settings that lose nothing silently: no sniffing, no null but one that no clean text holds, and strict
    about the number of fields. Never with store_rejects, which loses and repeats lines.
    """
    quote = '"' if quoting else ""
    # Read as a pattern otherwise.
    pattern = re.sub(r"([*?\[])", r"[\1]", str(path))
    listed = ", ".join(f"'{name}': 'VARCHAR'" for name in _incoming_names(columns))
    connection.execute(
        f"create or replace temp table incoming as select * from read_csv({literal(pattern)}, "
        f"columns = {{{listed}}}, auto_detect = false, header = false, skip = {skip}, compression = 'none', "
        f"delim = ';', quote = '{quote}', escape = '{quote}', comment = '', nullstr = {literal(NULL_TEXT)}, "
        "strict_mode = true, null_padding = false)"
    )


@dataclass(frozen=True)
class _Measured:
    """What `incoming` holds: rows, placeholders among them, bytes of all their fields and separators, quotes
    that are part of a value, and the rowid of the first row.
    """

    rows: int
    placeholders: int
    size: int
    quotes: int
    first: int


def _measure(connection: "duckdb.DuckDBPyConnection", columns: Columns, quoting: bool) -> _Measured:
    """Raises Unproven unless rowids are without gaps: lines are counted by them."""
    names = _incoming_names(columns)
    size = " + ".join(f"strlen({name})" for name in names)
    quotes = " + ".join(
        f"""if(contains({name}, '"'), strlen({name}) - strlen(replace({name}, '"', '')), 0)"""
        for name in names
    )
    row = connection.execute(
        f"""
        select
            count(*),
            count(*) filter ({names[0]} = chr(0)),
            coalesce(sum({size} + {columns.width - 1}), 0)::bigint,
            coalesce(sum({quotes if quoting else 0}), 0)::bigint,
            coalesce(min(rowid), 0),
            coalesce(max(rowid), -1)
        from {_INCOMING}
        """
    ).fetchone()
    assert row is not None
    rows, placeholders, total, inner_quotes, first, last = row
    if last - first + 1 != rows:
        raise Unproven("the lines read are not numbered one after the other")
    return _Measured(rows, placeholders, total, inner_quotes, first)


def _insert(
    connection: "duckdb.DuckDBPyConnection", columns: Columns, file_id: int, line: int, read: _Measured
) -> int:
    """Copies `incoming`, whose first row is that line, into the raw table, placeholders left out; the number
    of records inserted.
    """
    incoming = dict(zip(columns.names, _incoming_names(columns), strict=True))
    values = [incoming.get(name, "null") for name in KINDS[columns.kind]]
    pairs = ", ".join(
        f"{literal(name)}, {incoming[name]}" for name in columns.names if name in columns.extras
    )
    extra = f"json_object({pairs})::varchar" if pairs else "null"
    where = f"where {_incoming_names(columns)[0]} <> chr(0)" if read.placeholders else ""
    row = connection.execute(
        f"insert into raw_sinch.{columns.kind} by position "
        f"select {', '.join(values)}, {file_id}, rowid + {line - read.first}, {extra} "
        f"from {_INCOMING} {where}"
    ).fetchone()
    connection.execute(f"drop table {_INCOMING}")
    assert row is not None
    return int(row[0])


def _incoming_names(columns: Columns) -> list[str]:
    return [f"c{number}" for number in range(columns.width)]


@dataclass
class _Batch:
    """Records and rejects of the exact reader on their way into the tables, a bounded number at a time."""

    connection: "duckdb.DuckDBPyConnection"
    columns: Columns
    file_id: int
    records: int = 0
    rejects: int = 0
    _records: list[Record] = field(default_factory=list)
    _rejects: list[Reject] = field(default_factory=list)
    _characters: int = 0

    def add(self, found: Record | Reject) -> None:
        if isinstance(found, Record):
            self.records += 1
            self._records.append(found)
            self._characters += sum(map(len, found.values))
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
