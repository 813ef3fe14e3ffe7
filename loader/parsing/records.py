"""The exact reader: splits any text into records and rejects, every byte of it accounted for.

The grammar. A line ends with LF or CRLF and with nothing else; an empty line is no record. A field that
starts with a double quote runs to the next quote that is not doubled, over delimiters and line ends; if that
quote is followed by anything but a delimiter or the line's end, or never comes, the field is unbalanced and
costs the physical line it starts on. Any other field runs to the next delimiter and is kept as it is, quotes
included.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from loader.inputs.content import BAD_BYTE
from loader.parsing.lines import DELIMITER, LONGEST_RECORD, Lines, decodes
from loader.parsing.totals import ControlTotals, Total

_RUN_ON_QUOTE = re.compile(rb'[^"]*(?:""[^"]*)*')

_CLOSED_QUOTE = re.compile(rb'"[^"]*(?:""[^"]*)*"(?=;|\Z)')


class Reason(StrEnum):
    """Why a record is rejected."""

    UNBALANCED_QUOTE = "unbalanced_quote"
    TOO_FEW_FIELDS = "too_few_fields"
    TOO_MANY_FIELDS = "too_many_fields"
    NUL_BYTE = "nul_byte"
    UNDECODABLE_BYTES = "undecodable_bytes"


@dataclass(frozen=True)
class Record:
    """A record of the right width: its values as text, and the physical line (1-based) where it starts."""

    line: int
    values: tuple[str, ...]


@dataclass(frozen=True)
class Reject:
    """A record that cannot be read: its text with the line breaks inside it, the reason's code and a
    sentence.
    """

    line: int
    raw: str
    reason_code: str
    detail: str


@dataclass
class Parsed:
    """Fields as bytes, without quotes, over a number of physical lines; or what is wrong with them."""

    fields: list[bytes]
    lines: int
    problem: str | None = None


def parse(lines: Lines) -> Parsed:
    """The record that starts at the current line, of whatever width.

    An unbalanced quote gives a Parsed with a problem, over the lines up to the one where its field starts.
    """
    body = lines.body()
    assert body is not None
    if b'"' not in body:
        return Parsed(body.split(DELIMITER), 1)
    fields: list[bytes] = []
    used = 1
    at = 0
    while True:
        if body.startswith(b'"', at):
            closed = _close_quote(lines, body, at, used)
            if closed is None:
                return Parsed(fields, used, Reason.UNBALANCED_QUOTE)
            text, body, at, used = closed
            fields.append(text.replace(b'""', b'"'))
            if at == len(body):
                return Parsed(fields, used)
            at += 1
        else:
            end = body.find(DELIMITER, at)
            if end < 0:
                fields.append(body[at:])
                return Parsed(fields, used)
            fields.append(body[at:end])
            at = end + 1


def _close_quote(lines: Lines, body: bytes, at: int, used: int) -> tuple[bytes, bytes, int, int] | None:
    """The text of the quoted field at `at` of the used-th line, then the line, the position and the lines
    used where it closes; None if it does not close properly.
    """
    parts: list[bytes] = []
    size = 0
    at += 1
    while True:
        run = _RUN_ON_QUOTE.match(body, at)
        assert run is not None
        end = run.end()
        parts.append(body[at:end])
        if end < len(body):
            after = end + 1
            if after < len(body) and not body.startswith(DELIMITER, after):
                return None
            return b"".join(parts), body, after, used
        size += end - at
        following = lines.body(used)
        if following is None or size > LONGEST_RECORD:
            return None
        raw = lines.line(used - 1)
        assert raw is not None
        parts.append(raw[len(body) :] + b"\n")
        body, at, used = following, 0, used + 1


@dataclass
class ExactReader:
    """Reads a text record by record, and counts what it reads but for the values themselves."""

    lines: Lines
    width: int
    transcoded: bool
    totals: ControlTotals = field(default_factory=ControlTotals)
    # Of the lines that were passed on to the engine's reader.
    clean_line_sum: int = 0

    def next(self) -> Record | Reject | None:
        """What the current line holds: a record, a reject, or None for an empty line. Moves past it."""
        number = self.lines.number
        if not self.lines.body():
            self._take(1, self.totals.line_ends)
            return None
        parsed = parse(self.lines)
        values, reason, detail = self._judge(parsed)
        if not reason:
            self._take_record(parsed.lines)
            return Record(number, values)
        used = parsed.lines
        if used > 1 and self._continues_with_a_record(used):
            reason, used = Reason.UNBALANCED_QUOTE, 1
        if reason == Reason.UNBALANCED_QUOTE:
            detail = (
                "a field starts with a double quote that is not closed before a delimiter or a line's end"
            )
        raw = self._raw(used)
        if not decodes(raw):
            reason, detail = (
                Reason.UNDECODABLE_BYTES,
                "the record holds bytes that are not text in the file's encoding",
            )
        self._take(used, self.totals.rejects)
        return Reject(number, shown(raw, self.transcoded), reason, detail)

    def _judge(self, parsed: Parsed) -> tuple[tuple[str, ...], str, str]:
        if parsed.problem:
            return (), parsed.problem, ""
        joined = DELIMITER.join(parsed.fields)
        count = len(parsed.fields)
        if b"\0" in joined:
            return (), Reason.NUL_BYTE, f"the record holds {joined.count(bytes(1))} NUL byte(s)"
        if not decodes(joined):
            return (), Reason.UNDECODABLE_BYTES, ""
        if count == self.width:
            return tuple(value.decode() for value in parsed.fields), "", ""
        cut = (
            ""
            if self.lines.ended(parsed.lines - 1)
            else "; the file ends inside this line, without a line end"
        )
        reason = Reason.TOO_FEW_FIELDS if count < self.width else Reason.TOO_MANY_FIELDS
        return (), reason, f"{count} fields where the file has {self.width}{cut}"

    def _continues_with_a_record(self, used: int) -> bool:
        """Whether one of a joined record's further lines is a whole record by itself: then the quote was a
        stray one.
        """
        for ahead in range(1, used):
            body = self.lines.body(ahead)
            if body and _width_of_line(body) == self.width:
                return True
        return False

    def _take(self, count: int, term: Total) -> None:
        term.add(sum(self.lines.size(ahead) for ahead in range(count)), count)
        self.lines.skip(count)

    def _take_record(self, count: int) -> None:
        """Counts what surrounds the record's values, which are measured where they are stored."""
        lines, totals = self.lines, self.totals
        totals.quotes.add(sum((lines.line(ahead) or b"").count(b'"') for ahead in range(count)), 0)
        last = count - 1
        totals.line_ends.add(lines.size(last) - len(lines.body(last) or b""), last)
        lines.skip(count)

    def _raw(self, count: int) -> bytes:
        whole = [line + b"\n" for ahead in range(count - 1) if (line := self.lines.line(ahead)) is not None]
        return b"".join([*whole, self.lines.body(count - 1) or b""])


def _width_of_line(body: bytes) -> int | None:
    """Fields of a line read by itself; None if a quote stays open or stands inside an unquoted field, as on
    the last line of a quoted field that began on another.
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
    """A reject's text. Bytes that are no text appear as `\\xNN`, and in such a text a backslash that could be
    read as the start of one as `\\x5c`, so that `original_bytes` can undo it.
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
    """The bytes that a reject's text stands for (in UTF-8, but for bytes that were no text)."""
    if reason_code != Reason.UNDECODABLE_BYTES:
        return raw.encode()
    return re.sub(rb"\\x([0-9a-f]{2})", lambda escaped: bytes([int(escaped[1], 16)]), raw.encode())


def sum_of_lines(first: int, count: int) -> int:
    """The sum of so many line numbers from the first on."""
    return count * (2 * first + count - 1) // 2


def split_lines(reader: ExactReader, write: Callable[[bytes, int, bool], None]) -> Iterator[Record | Reject]:
    """Parts a text line by line: clean lines go to `write`, for the engine's reader, with their number and
    True; the rest is yielded.

    Exactly one line is written per physical line, a placeholder (a NUL as first field) for one that is not
    clean, so that its line numbers are the text's own.
    """
    lines = reader.lines
    totals = reader.totals
    placeholder = b"\0" + DELIMITER * (reader.width - 1) + b"\n"
    while lines.line() is not None:
        first = lines.number
        if clean := lines.take_clean():
            count = len(clean)
            text = b"\n".join(clean) + b"\n"
            totals.line_ends.add(count, 0)
            totals.quotes.add(text.count(b'"'), 0)
            reader.clean_line_sum += sum_of_lines(first, count)
            if b"\r" in text:
                # A clean line holds no other.
                totals.line_ends.add(text.count(b"\r"), 0)
                text = text.replace(b"\r", b"")
            write(text, count, True)
            continue
        found = reader.next()
        count = lines.number - first
        write(placeholder * count, count, False)
        if found is not None:
            yield found
