"""The exact reader: splits any text into records and rejects, and accounts for every byte.

The grammar. A line ends with LF or CRLF only; an empty line is no record. A field that starts with a double
quote runs to the next quote that is not doubled, over delimiters and line ends. It is unbalanced if

- there is no such quote, or it is followed by anything but a delimiter or a line end,
- the quote comes after a line that is a record by itself or has a valid time in CallTime's place,
- the field is after the file's last column and runs over a line end.

An unbalanced field rejects the lines up to the physical line on which it starts. Any other field runs to the
next delimiter and is kept as it is, quotes included.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from loader.feeds import ISO_TIME
from loader.inputs.content import BAD_BYTE
from loader.parsing.header import MOST_COLUMNS, Columns, is_repeated_header
from loader.parsing.lines import DELIMITER, LONGEST_RECORD, Lines, decodes
from loader.parsing.totals import ControlTotals, Total

# Longer runs of blank lines are omitted from DuckDB's input, and its line numbers start again.
MANY_BLANK_LINES = 10_000
# More lines than any value has.
MOST_LINES = 1_000_000
_UNBALANCED = (
    "a field starts with a double quote that is not closed before a delimiter or a line's end, or only "
    "behind a line that is a record by itself"
)
_TIME = re.compile(ISO_TIME.encode())
_RUN_ON_QUOTE = re.compile(rb'[^"]*+(?:""[^"]*+)*+')

_CLOSED_QUOTE = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"(?=;|\Z)')


class Reason(StrEnum):
    """Why a record is rejected."""

    UNBALANCED_QUOTE = "unbalanced_quote"
    TOO_FEW_FIELDS = "too_few_fields"
    TOO_MANY_FIELDS = "too_many_fields"
    NUL_BYTE = "nul_byte"
    UNDECODABLE_BYTES = "undecodable_bytes"


@dataclass(frozen=True)
class Record:
    """A record of the right width: its values as text, and the physical line (from 1) where it starts."""

    line: int
    values: tuple[str, ...]


@dataclass(frozen=True)
class Reject:
    """A record that cannot be parsed: its text with inner line breaks, the reason's code and a sentence."""

    line: int
    raw: str
    reason_code: str
    detail: str


@dataclass
class Parsed:
    """Fields as bytes, without quotes, over a number of physical lines; or their problem.

    `fields` is None if there are more than the file has columns; `width` counts them.
    """

    fields: list[bytes] | None
    width: int
    lines: int
    problem: str | None = None


def parse(lines: Lines, columns: Columns | None, most_lines: int = MOST_LINES) -> Parsed:
    """Parse the record that starts at the current line, of any width. Without columns, CallTime's place and
    the number of fields are unknown.

    An unbalanced quote gives a Parsed with a problem, over the lines up to the one where its field starts.
    Time and memory are linear in the record's length: parsing of quotes ends after the last column.
    """
    body = lines.body() or b""
    most = columns.width if columns else MOST_COLUMNS
    if b'"' not in body:
        width = body.count(DELIMITER) + 1
        return Parsed(body.split(DELIMITER) if width <= most else None, width, 1)
    fields: list[bytes] = []
    width = 0
    at = 0
    quoted = _Quoted(lines, columns, most_lines, body)
    while True:
        body = quoted.body
        if body.startswith(b'"', at):
            used = quoted.used
            text = quoted.close(at, last=width >= most)
            if text is None:
                return Parsed(fields, width, used, Reason.UNBALANCED_QUOTE)
            body, at = quoted.body, quoted.at
        else:
            end = body.find(DELIMITER, at)
            end = len(body) if end < 0 else end
            text, at = body[at:end], end
        width += 1
        if width <= most:
            fields.append(text)
        if at == len(body):
            return Parsed(fields if width <= most else None, width, quoted.used)
        at += 1


@dataclass
class _Quoted:
    """Finds the ends of quoted fields; keeps the record's current line and how many lines were used."""

    lines: Lines
    columns: Columns | None
    most_lines: int
    body: bytes
    used: int = 1
    # After the closing quote.
    at: int = 0
    _size: int = 0

    def close(self, at: int, last: bool) -> bytes | None:
        """Return the text of the quoted field that starts at `at`; None if it is unbalanced. The `last` field
        has to close on its line.
        """
        parts: list[bytes] = []
        at += 1
        while True:
            body = self.body
            run = _RUN_ON_QUOTE.match(body, at)
            end = run.end() if run else at
            if at == 0 and self._is_another_record(body, end):
                return None
            parts.append(body[at:end])
            if end < len(body):
                self.at = end + 1
                if self.at < len(body) and not body.startswith(DELIMITER, self.at):
                    return None
                return b"".join(parts).replace(b'""', b'"')
            self._size += len(body) + 1
            following = None if last else self.lines.body(self.used)
            if following is None or self._size > LONGEST_RECORD or self.used >= self.most_lines:
                return None
            raw = self.lines.line(self.used - 1) or b""
            parts.append(raw[len(body) :] + b"\n")
            self.body, at = following, 0
            self.used += 1

    def _is_another_record(self, body: bytes, end: int) -> bool:
        """Whether a line on which a quoted value continues, up to `end`, shows that the quote is a stray."""
        if self.columns is None:
            return False
        separators = body.count(DELIMITER)
        if separators >= self.columns.width - 1 and width_of_line(body) == self.columns.width:
            return True
        place = self.columns.names.index("CallTime")
        if separators < place:
            return False
        cells = body[:end].split(DELIMITER, place + 1)
        # The value has to end before the quote does.
        whole = len(cells) > place + 1 or (len(cells) == place + 1 and end == len(body))
        return whole and _TIME.fullmatch(cells[place].strip(b' "\t')) is not None


@dataclass
class ExactReader:
    """Reads a text record by record, and counts its bytes except those of values."""

    lines: Lines
    columns: Columns
    transcoded: bool
    totals: ControlTotals = field(default_factory=ControlTotals)
    # Of the lines for DuckDB's reader.
    clean_line_sum: int = 0

    def next(self) -> Record | Reject | None:
        """Return the record or reject at the current line, None for a repeated header, and move past it."""
        number = self.lines.number
        parsed = parse(self.lines, self.columns)
        raw = self._raw(parsed.lines)
        reason, detail = self._fault(parsed, raw)
        if reason:
            self._take(parsed.lines, self.totals.rejects)
            return Reject(number, shown(raw, self.transcoded), reason, detail)
        values = tuple(value.decode() for value in parsed.fields or ())
        if is_repeated_header(self.columns, values):
            self._take(parsed.lines, self.totals.repeated)
            return None
        self._take_record(parsed.lines)
        return Record(number, values)

    def _fault(self, parsed: Parsed, raw: bytes) -> tuple[str, str]:
        """Return the reason to reject what was parsed and a sentence; two empty texts for a record."""
        if not decodes(raw):
            return Reason.UNDECODABLE_BYTES, "the record holds bytes that are not text in the file's encoding"
        if parsed.problem:
            return parsed.problem, _UNBALANCED
        if nuls := raw.count(b"\0"):
            return Reason.NUL_BYTE, f"the record holds {nuls} NUL byte(s)"
        width = self.columns.width
        if parsed.width != width or parsed.fields is None:
            ended = self.lines.ended(parsed.lines - 1)
            cut_off = "" if ended else "; the file ends inside this line, without a line end"
            reason = Reason.TOO_FEW_FIELDS if parsed.width < width else Reason.TOO_MANY_FIELDS
            return reason, f"{parsed.width} fields where the file has {width}{cut_off}"
        filled = [at for at in self.columns.padding if parsed.fields[at]]
        if filled:
            places = ", ".join(str(at + 1) for at in filled)
            return Reason.TOO_MANY_FIELDS, f"a value in column {places}, which has no name in the header"
        return "", ""

    def _take(self, count: int, term: Total) -> None:
        term.add(sum(self.lines.size(ahead) for ahead in range(count)), count)
        self.lines.skip(count)

    def _take_record(self, count: int) -> None:
        """Count the bytes around the record's values; the values are measured in the raw table."""
        lines, totals = self.lines, self.totals
        totals.quotes.add(sum((lines.line(ahead) or b"").count(b'"') for ahead in range(count)), 0)
        last = count - 1
        totals.line_ends.add(lines.size(last) - len(lines.body(last) or b""), last)
        lines.skip(count)

    def _raw(self, count: int) -> bytes:
        whole = [line + b"\n" for ahead in range(count - 1) if (line := self.lines.line(ahead)) is not None]
        return b"".join([*whole, self.lines.body(count - 1) or b""])


def width_of_line(body: bytes) -> int | None:
    """Count the fields of a line by itself; None if a quote stays open or is inside an unquoted field, as on
    the last line of a quoted field that began earlier.
    """
    count, at = 0, 0
    while True:
        if body.startswith(b'"', at):
            closed = _CLOSED_QUOTE.match(body, at)
            if closed is None:
                return None
            end = closed.end()
        else:
            end = body.find(DELIMITER, at)
            end = len(body) if end < 0 else end
            if body.find(b'"', at, end) >= 0:
                return None
        count += 1
        if end == len(body):
            return count
        at = end + 1


def shown(raw: bytes, transcoded: bool) -> str:
    """Return a reject's text. Bytes that do not decode appear as `\\xNN`; in such a text a backslash that
    could start one appears as `\\x5c`, so that `original_bytes` can undo it.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    if transcoded:
        text = re.sub(r"\\(?=x[0-9a-f]{2})", r"\\x5c", raw.decode("utf-8", "surrogatepass"))
        return re.sub("[\udc00-\udcff]", lambda bad: f"\\x{ord(bad[0]) - BAD_BYTE:02x}", text)
    return re.sub(rb"\\(?=x[0-9a-f]{2})", rb"\\x5c", raw).decode("utf-8", "backslashreplace")


def original_bytes(raw: str, reason_code: str) -> bytes:
    """Return the bytes of a reject's text, in UTF-8 except for bytes that did not decode."""
    if reason_code != Reason.UNDECODABLE_BYTES:
        return raw.encode()
    return re.sub(rb"\\x([0-9a-f]{2})", lambda escaped: bytes([int(escaped[1], 16)]), raw.encode())


def sum_of_lines(first: int, count: int) -> int:
    """Return the sum of that many line numbers from the first on."""
    return count * (2 * first + count - 1) // 2


def split_lines(reader: ExactReader, write: Callable[[bytes, int, bool], None]) -> Iterator[Record | Reject]:
    """Split a text by line: pass clean lines to `write`, for DuckDB's reader, with their number and True;
    yield the other records and the rejects.

    Exactly one line is written per physical line, a placeholder (a NUL as first field) for one that is not
    clean, so that DuckDB's line numbers are the text's.
    """
    lines = reader.lines
    totals = reader.totals
    placeholder = b"\0" + DELIMITER * (reader.columns.width - 1) + b"\n"
    while lines.line() is not None:
        first = lines.number
        if clean := lines.take_clean():
            count = len(clean)
            text = b"\n".join(clean) + b"\n"
            totals.line_ends.add(count, 0)
            totals.quotes.add(text.count(b'"'), 0)
            reader.clean_line_sum += sum_of_lines(first, count)
            if b"\r" in text:
                # A clean line has a CR only at its end.
                totals.line_ends.add(text.count(b"\r"), 0)
                text = text.replace(b"\r", b"")
            write(text, count, True)
            continue
        if blank := lines.take_blank():
            count, size = blank
            totals.line_ends.add(size, count)
            write(b"" if count > MANY_BLANK_LINES else placeholder * count, count, False)
            continue
        found = reader.next()
        count = lines.number - first
        write(placeholder * count, count, False)
        if found is not None:
            yield found
