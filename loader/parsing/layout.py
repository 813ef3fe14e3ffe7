"""Detects the layout of a text: its kind, columns and first record, with a header or without one."""

import io
import re
from dataclasses import dataclass, field

from loader.errors import FileError
from loader.feeds import KINDS, PARTIES, TIMES
from loader.inputs.content import Content
from loader.parsing.header import (
    Columns,
    columns_of_header,
    columns_without_header,
    foreign_feed,
    is_header,
    trimmed,
)
from loader.parsing.lines import DELIMITER, Lines, no_clean_lines
from loader.parsing.records import parse, shown
from loader.text import counted

# Lines that may come before a header.
MOST_PREAMBLE = 20
_SAMPLE = 100
# While the columns are unknown, a quoted field over more lines than this is no quoted field.
_MOST_LINES = 50
# Of a longer first line only this much is parsed.
_LONGEST_LOOK = 64 << 10
_LONGEST_MESSAGE = 300
# Signs of a call detail record in a line.
_SEPARATORS_OF_A_RECORD = 5

_ROUNDED = re.compile(r"\d(?:[.,]\d+)?[Ee]\+\d+")
_TURNED = re.compile(r"\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})(?:\s.*)?")
_SEP_LINE = re.compile(rb'"?sep=.{0,2}"?', re.IGNORECASE)
_OTHER_LINE_ENDS = (
    ("CR", b"\r"),
    ("NEL (U+0085)", b"\xc2\x85"),
    ("LINE SEPARATOR (U+2028)", b"\xe2\x80\xa8"),
    ("form feed", b"\f"),
)


@dataclass(frozen=True)
class Layout:
    """The layout of a text; the first record can start at `offset`, which is on line `line`."""

    kind: str
    columns: Columns
    header: str | None
    offset: int
    line: int
    has_records: bool
    # For the manifest's message.
    remarks: tuple[str, ...] = field(default=())

    @property
    def message(self) -> str:
        """The remarks as one text."""
        return cut("; ".join(self.remarks))


@dataclass(frozen=True)
class NoRecords:
    """A text with neither header nor records; its name or an option may give the kind."""

    kind: str | None
    offset: int
    line: int
    header = None
    has_records = False
    message = "the file is empty"


class NoSignOfRecords(FileError):
    """A text without any sign of call detail records."""


@dataclass(frozen=True)
class _Line:
    """One of a text's first lines: where it starts, its fields, and how many physical lines they use."""

    offset: int
    number: int
    cells: list[str]
    body: bytes
    used: int


def cut(message: str) -> str:
    """Cut a message to the longest length of one."""
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"


def detect_layout(content: Content, declared_kind: str | None, name_kind: str | None) -> Layout | NoRecords:
    """Detect a text's layout from its first lines.

    Raises FileError when kind or columns cannot be detected, NoSignOfRecords when nothing looks like one.
    """
    with content.open() as file:
        lines = Lines(file, content.profile.bom, 1, no_clean_lines)
        first, end = _first_lines(lines, content.profile.bom)
        if not first:
            return NoRecords(declared_kind or name_kind, end, lines.number)
        _check_line_ends(first)
        at = next((at for at, line in enumerate(first) if is_header(line.cells)), None)
        if at is None:
            return _without_header(content, first, declared_kind, name_kind)
        return _with_header(content, first, at, declared_kind)


def _first_lines(lines: Lines, offset: int) -> tuple[list[_Line], int]:
    """Return the first lines that are not blank, and where the last of them ends."""
    found: list[_Line] = []
    while len(found) <= MOST_PREAMBLE and lines.line() is not None:
        if blank := lines.take_blank():
            offset += blank[1]
            continue
        cells, used = _cells(lines)
        body = (lines.body() or b"")[:_LONGEST_LOOK]
        found.append(_Line(offset, lines.number, cells, body, used))
        offset += sum(lines.size(ahead) for ahead in range(used))
        lines.skip(used)
    return found, offset


def _with_header(content: Content, first: list[_Line], at: int, declared_kind: str | None) -> Layout:
    line = first[at]
    columns = columns_of_header(line.cells, declared_kind)
    before = [one for one in first[:at] if not _SEP_LINE.fullmatch(one.body)]
    widths = {columns.width, len(KINDS[columns.kind])}
    remarks = ["a line that names the separator passed over"] if len(before) < at else []
    start = line
    if any(len(one.cells) in widths for one in before):
        # These are records before the header, which the reader then treats as a repeated one.
        start = before[0]
    elif before:
        remarks.append(f"{counted(len(before), 'line')} before the header passed over")
    with content.open() as file:
        lines = Lines(file, line.offset, line.number, no_clean_lines)
        header = "\n".join(
            shown(lines.line(ahead) or b"", content.transcoded) for ahead in range(line.used)
        ).removesuffix("\r")
        size = sum(lines.size(ahead) for ahead in range(line.used))
    if start is line:
        offset, number = line.offset + size, line.number + line.used
    else:
        offset, number = start.offset, start.number
    sample = _sample(content, offset, number, columns)
    if columns.extras:
        remarks.append(
            "columns unknown to the feed kept in _extra: "
            + ", ".join(name for name in columns.names if name in columns.extras)
        )
    if columns.padding:
        remarks.append(f"{len(columns.padding)} columns without a name dropped")
    remarks += _spreadsheet_signs(columns, sample)
    if not sample:
        remarks.append("no records")
    return Layout(columns.kind, columns, header, offset, number, bool(sample), tuple(remarks))


def _without_header(
    content: Content, first: list[_Line], declared_kind: str | None, name_kind: str | None
) -> Layout:
    for separator, name in ((b",", "commas"), (b"\t", "tabs"), (b"|", "bars")):
        for line in first:
            cells = shown(line.body, False).split(separator.decode())
            if len(cells) > 2 and is_header(cells):
                raise FileError(
                    f"the header's names are not separated by semicolons but by {name}; "
                    "deliver it semicolon-delimited"
                )
    if other := next(filter(None, (foreign_feed(line.cells) for line in first)), None):
        raise FileError(other)
    if declared_kind is None and name_kind is None and not _has_signs_of_records(content, first[0].offset):
        raise NoSignOfRecords(
            "there is no header and no semicolon-delimited record in its first lines; "
            "is it a call detail record file?"
        )
    start = first[0]
    remarks = []
    if _SEP_LINE.fullmatch(start.body) and len(first) > 1:
        start = first[1]
        remarks.append("a line that names the separator passed over")
    sample = _sample(content, start.offset, start.number, None)
    columns = columns_without_header([len(cells) for cells in sample], declared_kind, name_kind)
    remarks += _spreadsheet_signs(columns, sample)
    return Layout(columns.kind, columns, None, start.offset, start.number, True, tuple(remarks))


def _has_signs_of_records(content: Content, offset: int) -> bool:
    """Whether one of the first lines names CallId or could be a record, whatever its quotes."""
    with io.BufferedReader(content.open()) as file:  # type: ignore[type-var]  # a FileIO or BytesIO
        file.seek(offset)
        lines = [file.readline(_LONGEST_LOOK) for _ in range(MOST_PREAMBLE + 1)]
    return any(
        line.count(DELIMITER) >= _SEPARATORS_OF_A_RECORD or b"callid" in line.lower() for line in lines
    )


def _check_line_ends(first: list[_Line]) -> None:
    """Raise FileError for lines that do not end with LF or CRLF."""
    if len(first) > 1:
        return
    body = first[0].body
    for name, mark in _OTHER_LINE_ENDS:
        if mark in body.strip(mark):
            rows = [row for row in body.split(mark) if row]
            if rows[0].count(DELIMITER) >= 2 and rows[1].count(DELIMITER) >= 2:
                raise FileError(f"line ends are {name} alone; convert them to LF")


def _sample(content: Content, offset: int, number: int, columns: Columns | None) -> list[list[str]]:
    """Return the fields of the first records."""
    found: list[list[str]] = []
    with content.open() as file:
        lines = Lines(file, offset, number, no_clean_lines)
        while len(found) < _SAMPLE and lines.line() is not None:
            if lines.take_blank():
                continue
            cells, used = _cells(lines, columns)
            lines.skip(used)
            found.append(cells)
    return found


def _spreadsheet_signs(columns: Columns, sample: list[list[str]]) -> list[str]:
    """Describe values that a spreadsheet has changed, in sentences."""
    signs = []
    for at, name in enumerate(columns.names):
        values = [trimmed(cells[at]) for cells in sample if len(cells) == columns.width]
        if name in ("CallId", "UserSpaceId", *PARTIES) and any(_ROUNDED.fullmatch(value) for value in values):
            signs.append(
                f"{name} looks like a number that a spreadsheet rounded: ask for the file as it was made"
            )
        if name in TIMES and any(_TURNED.fullmatch(value) for value in values):
            signs.append(
                f"{name} looks like a date that a spreadsheet rewrote: ask for the file as it was made"
            )
    return signs


def _cells(lines: Lines, columns: Columns | None = None) -> tuple[list[str], int]:
    """Return the current record's fields and how many lines it uses. If its quotes do not close, that is one
    line, split at every delimiter.
    """
    parsed = parse(lines, columns, _MOST_LINES)
    if parsed.problem or parsed.fields is None:
        return [shown(cell, False) for cell in (lines.body() or b"")[:_LONGEST_LOOK].split(DELIMITER)], 1
    return [shown(cell, False) for cell in parsed.fields], parsed.lines
