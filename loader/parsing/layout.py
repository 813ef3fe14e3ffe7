"""What a text is: its kind and columns, by its header or without one."""

from dataclasses import dataclass

from loader.errors import FileError
from loader.inputs.content import Content
from loader.parsing.header import Columns, columns_of_header, columns_without_header, is_header
from loader.parsing.lines import DELIMITER, Lines, no_clean_lines
from loader.parsing.records import parse, shown

_SAMPLE = 100


@dataclass(frozen=True)
class Layout:
    """How a text is laid out: `offset` is where the first record can start, `line` that line's number."""

    kind: str
    columns: Columns
    header: str | None
    offset: int
    line: int
    has_records: bool

    @property
    def message(self) -> str:
        """What the manifest should tell of it."""
        if self.columns.extras:
            extras = ", ".join(
                name or "(no name)" for name in self.columns.names if name in self.columns.extras
            )
            return f"columns unknown to the feed kept in _extra: {extras}"
        return "" if self.has_records else "no records"


@dataclass(frozen=True)
class NoRecords:
    """A text with neither header nor records; the kind is what its name or an option says."""

    kind: str | None
    offset: int
    line: int
    header = None
    has_records = False
    message = "the file is empty"


class NoSignOfRecords(FileError):
    """A text that shows nothing of a call detail record file."""


def detect_layout(content: Content, declared_kind: str | None, name_kind: str | None) -> Layout | NoRecords:
    """Reads the first lines of a text.

    Raises FileError when kind or columns cannot be told, NoSignOfRecords when it does not even look like
    records.
    """
    with content.path.open("rb", buffering=0) as file:
        lines = Lines(file, content.profile.bom, 1, no_clean_lines)
        offset = content.profile.bom + _skip_blank(lines)
        first = lines.line()
        if first is None:
            return NoRecords(declared_kind or name_kind, offset, lines.number)
        fields, used = _fields(lines)
        if is_header(fields):
            columns = columns_of_header(fields, declared_kind)
            header = "\n".join(
                shown(lines.line(ahead) or b"", content.transcoded) for ahead in range(used)
            ).removesuffix("\r")
            offset += sum(lines.size(ahead) for ahead in range(used))
            lines.skip(used)
            line = lines.number
            _skip_blank(lines)
            return Layout(columns.kind, columns, header, offset, line, has_records=lines.line() is not None)
        if "callid" in fields[0].casefold() and len(fields) == 1:
            raise FileError(
                "the header's names are not separated by semicolons; deliver it semicolon-delimited"
            )
        if DELIMITER not in first and declared_kind is None and name_kind is None:
            raise NoSignOfRecords(
                "there is no header and no semicolon in its first line; is it a call detail record file?"
            )
        line = lines.number
        columns = columns_without_header(_widths(lines), declared_kind, name_kind)
        return Layout(columns.kind, columns, None, offset, line, has_records=True)


def _widths(lines: Lines) -> list[int]:
    widths: list[int] = []
    while len(widths) < _SAMPLE and lines.line() is not None:
        if not lines.body():
            lines.skip(1)
            continue
        fields, used = _fields(lines)
        if is_header(fields):
            raise FileError(
                f"the header is on line {lines.number}, after other lines; remove those before it"
            )
        widths.append(len(fields))
        lines.skip(used)
    return widths


def _fields(lines: Lines) -> tuple[list[str], int]:
    """The current record's fields and how many lines it takes; one line, split plainly, if its quotes do not
    close.
    """
    parsed = parse(lines)
    if parsed.problem:
        return [shown(field, False) for field in (lines.body() or b"").split(DELIMITER)], 1
    return [shown(field, False) for field in parsed.fields], parsed.lines


def _skip_blank(lines: Lines) -> int:
    """Moves to the next line that is not empty; the bytes passed."""
    passed = 0
    while lines.line() is not None and not lines.body():
        passed += lines.size(0)
        lines.skip(1)
    return passed
