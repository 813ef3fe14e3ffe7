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
from typing import BinaryIO

from loader.content import BAD_BYTE, BLOCK
from loader.errors import FileError

DELIMITER = b";"
# Longer records are no call detail records, and would not fit into bounded memory.
LONGEST_RECORD = 64 << 20
# Lines longer than this are read one by one: the engine's reader has its own limit of 2 MB.
LONGEST_PLAIN_LINE = 1_900_000
# A value that the engine's reader takes for NULL; lines that hold it are read one by one.
NULL_TEXT = "\x02\x03"

UNBALANCED_QUOTE = "unbalanced_quote"
TOO_FEW_FIELDS = "too_few_fields"
TOO_MANY_FIELDS = "too_many_fields"
NUL_BYTE = "nul_byte"
UNDECODABLE_BYTES = "undecodable_bytes"

_NULL_BYTES = NULL_TEXT.encode()
# A field on one line. The engine's reader strips blanks around quotes: one that has them is not for it.
_FIELD = rb'(?:"[^"]*(?:""[^"]*)*"|(?! *")[^;]*)'
_RUN_ON_QUOTE = re.compile(rb'[^"]*(?:""[^"]*)*')
_CLOSED_QUOTE = re.compile(rb'"[^"]*(?:""[^"]*)*"(?=;|\Z)')


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
class Account:
    """Bytes and lines that the exact reader has read; of the clean lines that it passed on the line ends and
    quotes, as part of the size, and the sum of their numbers.
    """

    size: int = 0
    lines: int = 0
    clean_line_sum: int = 0


class Lines:
    """The physical lines of a text from an offset on, with as much look-ahead as asked for.

    A line is kept without its LF, and with a CR before that; `ended` tells whether it had an LF at all.
    """

    def __init__(
        self, file: BinaryIO, offset: int, first: int, clean: Callable[[bytes, list[bytes]], list[bool]]
    ):
        file.seek(offset)
        self._file = file
        self._clean = clean
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._lines: list[bytes] = []
        self._flags: list[bool] = []
        self._at = 0
        self._end_reached = False
        self._last_ended = True
        # Number of the line at position 0.
        self.number = first

    def line(self, ahead: int = 0) -> bytes | None:
        """The line so far ahead of the current one; None after the last."""
        while self._at + ahead >= len(self._lines):
            if not self._fill():
                return None
        return self._lines[self._at + ahead]

    def ended(self, ahead: int) -> bool:
        """Whether the line ends with an LF; only the text's last may not."""
        is_last = self._end_reached and self._at + ahead == len(self._lines) - 1
        return self._last_ended or not is_last

    def body(self, ahead: int = 0) -> bytes | None:
        """The line without its line end."""
        line = self.line(ahead)
        return line[:-1] if line is not None and line.endswith(b"\r") and self.ended(ahead) else line

    def size(self, ahead: int) -> int:
        """Bytes of the line with its line end."""
        return len(self._lines[self._at + ahead]) + self.ended(ahead)

    def take_clean(self) -> list[bytes]:
        """The clean lines from the current one on, so far as they are read; moves past them."""
        if self.line() is None or not self._flags[self._at]:
            return []
        try:
            end = self._flags.index(False, self._at)
        except ValueError:
            end = len(self._flags)
        taken = self._lines[self._at : end] if (self._at, end) != (0, len(self._lines)) else self._lines
        self.skip(end - self._at)
        return taken

    def skip(self, count: int) -> None:
        """Moves past lines already looked at."""
        self._at += count
        self.number += count
        if self._at == len(self._lines):
            self._lines, self._flags, self._at = [], [], 0
        elif self._at > 4096 and self._at * 2 > len(self._lines):
            del self._lines[: self._at], self._flags[: self._at]
            self._at = 0

    def _fill(self) -> bool:
        """Reads on to the next line end; False at the end of the text."""
        while not self._end_reached:
            block = self._file.read(BLOCK)
            if not block:
                self._end_reached = True
                if not self._rest:
                    return False
                self._last_ended = False
                # Never clean: a CR at its end belongs to it.
                self._lines.append(b"".join(self._rest))
                self._flags.append(False)
                return True
            cut = block.rfind(b"\n")
            if cut < 0:
                self._keep(block)
                continue
            whole = b"".join([*self._rest, block[:cut]])
            self._rest, self._rest_bytes = [], 0
            self._keep(block[cut + 1 :])
            lines = whole.split(b"\n")
            self._lines += lines
            self._flags += self._clean(whole, lines)
            return True
        return False

    def _keep(self, rest: bytes) -> None:
        if rest:
            self._rest.append(rest)
            self._rest_bytes += len(rest)
        if self._rest_bytes > LONGEST_RECORD:
            number = self.number + len(self._lines) - self._at
            raise FileError(f"line {number} is longer than {LONGEST_RECORD >> 20} MiB; is this a text file?")


def clean_lines(width: int) -> Callable[[bytes, list[bytes]], list[bool]]:
    """A test that tells of each line whether it is a record of that width wherever it stands."""
    separators = width - 1
    whole = re.compile(_FIELD + rb"(?:;" + _FIELD + rb"){%d}\r?" % separators).fullmatch

    def is_clean(line: bytes) -> bool:
        body = line[:-1] if line.endswith(b"\r") else line
        return (
            len(body) < LONGEST_PLAIN_LINE
            and b"\r" not in body
            and b"\0" not in body
            and _NULL_BYTES not in body
            and (body.count(DELIMITER) == separators if b'"' not in body else whole(body) is not None)
            and _decodes(body)
        )

    def test(block: bytes, lines: list[bytes]) -> list[bool]:
        unambiguous = (
            b"\0" not in block
            and _NULL_BYTES not in block
            and (b"\r" not in block or b"\r" not in block.replace(b"\r\n", b"\n").removesuffix(b"\r"))
            and _decodes(block)
            and (len(block) < LONGEST_PLAIN_LINE or len(max(lines, key=len)) < LONGEST_PLAIN_LINE)
        )
        if not unambiguous:
            return [is_clean(line) for line in lines]
        if b'"' not in block:
            return [line.count(DELIMITER) == separators for line in lines]
        return [
            line.count(DELIMITER) == separators if b'"' not in line else whole(line) is not None
            for line in lines
        ]

    return test


def no_clean_lines(block: bytes, lines: list[bytes]) -> list[bool]:  # noqa: ARG001
    """The test that leaves every line to the exact reader."""
    return [False] * len(lines)


def _decodes(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


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
                return Parsed(fields, used, UNBALANCED_QUOTE)
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
    """Reads a text record by record; `account` keeps the bytes and lines read so far."""

    lines: Lines
    width: int
    transcoded: bool
    account: Account = field(default_factory=Account)

    def next(self) -> Record | Reject | None:
        """What the current line holds: a record, a reject, or None for an empty line. Moves past it."""
        number = self.lines.number
        if not self.lines.body():
            self._take(1)
            return None
        parsed = parse(self.lines)
        values, reason, detail = self._judge(parsed)
        if not reason:
            self._take(parsed.lines)
            return Record(number, values)
        used = parsed.lines
        if used > 1 and self._continues_with_a_record(used):
            reason, used = UNBALANCED_QUOTE, 1
        if reason == UNBALANCED_QUOTE:
            detail = (
                "a field starts with a double quote that is not closed before a delimiter or a line's end"
            )
        raw = self._raw(used)
        if not _decodes(raw):
            reason, detail = (
                UNDECODABLE_BYTES,
                "the record holds bytes that are not text in the file's encoding",
            )
        self._take(used)
        return Reject(number, shown(raw, self.transcoded), reason, detail)

    def _judge(self, parsed: Parsed) -> tuple[tuple[str, ...], str, str]:
        if parsed.problem:
            return (), parsed.problem, ""
        joined = DELIMITER.join(parsed.fields)
        count = len(parsed.fields)
        if b"\0" in joined:
            return (), NUL_BYTE, f"the record holds {joined.count(bytes(1))} NUL byte(s)"
        if not _decodes(joined):
            return (), UNDECODABLE_BYTES, ""
        if count == self.width:
            return tuple(value.decode() for value in parsed.fields), "", ""
        cut = (
            ""
            if self.lines.ended(parsed.lines - 1)
            else "; the file ends inside this line, without a line end"
        )
        reason = TOO_FEW_FIELDS if count < self.width else TOO_MANY_FIELDS
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

    def _take(self, count: int) -> None:
        self.account.lines += count
        self.account.size += sum(self.lines.size(ahead) for ahead in range(count))
        self.lines.skip(count)

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
    if reason_code != UNDECODABLE_BYTES:
        return raw.encode()
    return re.sub(rb"\\x([0-9a-f]{2})", lambda escaped: bytes([int(escaped[1], 16)]), raw.encode())


def sum_of_lines(first: int, count: int) -> int:
    """The sum of so many line numbers from the first on."""
    return count * (2 * first + count - 1) // 2


def sift(reader: ExactReader, write: Callable[[bytes, int, bool], None]) -> Iterator[Record | Reject]:
    """Parts a text line by line: clean lines go to `write`, for the engine's reader, with their number and
    True; the rest is yielded.

    Exactly one line is written per physical line, a placeholder (a NUL as first field) for one that is not
    clean, so that its line numbers are the text's own.
    """
    lines = reader.lines
    account = reader.account
    placeholder = b"\0" + DELIMITER * (reader.width - 1) + b"\n"
    while lines.line() is not None:
        first = lines.number
        if clean := lines.take_clean():
            count = len(clean)
            text = b"\n".join(clean) + b"\n"
            account.size += count + text.count(b'"')
            account.clean_line_sum += sum_of_lines(first, count)
            if b"\r" in text:
                # A clean line holds no other.
                account.size += text.count(b"\r")
                text = text.replace(b"\r", b"")
            write(text, count, True)
            continue
        before = account.lines
        found = reader.next()
        count = account.lines - before
        write(placeholder * count, count, False)
        if found is not None:
            yield found
