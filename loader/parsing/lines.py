"""The physical lines of a text, and which of them are clean: records in any context."""

import re
from collections.abc import Callable
from typing import BinaryIO

from loader.errors import FileError
from loader.inputs.content import BLOCK
from loader.parsing.header import Columns

DELIMITER = b";"

# Longer records would not fit into bounded memory.
LONGEST_RECORD = 16 << 20

# Longer lines are for the exact reader: DuckDB's has a limit of 2 MB.
LONGEST_PLAIN_LINE = 1_900_000

# The value that DuckDB's reader treats as NULL; lines with it are for the exact reader.
NULL_TEXT = "\x02\x03"

_NULL_BYTES = NULL_TEXT.encode()

# A field on one line. DuckDB's reader strips blanks around quotes: a field with such blanks does not match.
_FIELD = rb'(?:"[^"]*+(?:""[^"]*+)*+"|(?! *")[^;]*+)'
_BLANK = (b"", b"\r")
_FEW = 50
_MANY = 1_000


class Lines:
    """The physical lines of a text from an offset on, with any look-ahead.

    A line is kept without its LF, but with a CR before that; `ended` is whether it had an LF.
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
        """Return the line that many lines ahead; None after the last."""
        while self._at + ahead >= len(self._lines):
            if not self._fill():
                return None
        return self._lines[self._at + ahead]

    def ended(self, ahead: int) -> bool:
        """Whether the line ends with an LF; only the text's last line may not."""
        is_last = self._end_reached and self._at + ahead == len(self._lines) - 1
        return self._last_ended or not is_last

    def body(self, ahead: int = 0) -> bytes | None:
        """Return the line without its line end."""
        line = self.line(ahead)
        return line[:-1] if line is not None and line.endswith(b"\r") and self.ended(ahead) else line

    def size(self, ahead: int) -> int:
        """Count the bytes of the line with its line end."""
        return len(self._lines[self._at + ahead]) + self.ended(ahead)

    def take_clean(self) -> list[bytes]:
        """Return the clean lines from the current one on, as far as read, and move past them."""
        if self.line() is None or not self._flags[self._at]:
            return []
        try:
            end = self._flags.index(False, self._at)
        except ValueError:
            end = len(self._flags)
        taken = self._lines[self._at : end] if (self._at, end) != (0, len(self._lines)) else self._lines
        self.skip(end - self._at)
        return taken

    def take_blank(self) -> tuple[int, int] | None:
        """Count the blank lines from the current one on, as far as read, and their bytes; move past them."""
        if self.line() is None:
            return None
        lines, start, at, size = self._lines, self._at, self._at, 0
        # Whether the text's last line is blank depends on its end.
        last = len(lines) - (self._end_reached and not self._last_ended)
        while at < last and lines[at] in _BLANK:
            size += len(lines[at]) + 1
            at += 1
            # In long runs, many at a time.
            while (at - start) % _FEW == 0 and (size_of_run := _size_if_blank(lines[at : at + _MANY])):
                size += size_of_run
                at += _MANY
        if at == start:
            return None
        self.skip(at - start)
        return at - start, size

    def skip(self, count: int) -> None:
        """Move past lines already read."""
        self._at += count
        self.number += count
        if self._at == len(self._lines):
            self._lines, self._flags, self._at = [], [], 0
        elif self._at > 4096 and self._at * 2 > len(self._lines):
            del self._lines[: self._at], self._flags[: self._at]
            self._at = 0

    def _fill(self) -> bool:
        """Read on to the next line end; return False at the end of the text."""
        while not self._end_reached:
            block = self._file.read(BLOCK)
            if not block:
                self._end_reached = True
                if not self._rest:
                    return False
                self._last_ended = False
                # Never clean: a CR at its end is part of it.
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


def clean_lines(columns: Columns, header: str | None = None) -> Callable[[bytes, list[bytes]], list[bool]]:
    """Return a test that flags each line that is a record of these columns in any context, and not the header
    repeated.
    """
    separators = columns.width - 1
    again = None if header is None else header.encode("utf-8", "surrogatepass")
    padding = columns.padding
    if padding and padding != tuple(range(columns.width - len(padding), columns.width)):
        return no_clean_lines
    # Columns without a name are empty.
    end = DELIMITER * len(padding)
    whole = re.compile(_FIELD + rb"(?:;" + _FIELD + rb"){%d}\r?" % separators).fullmatch

    def is_clean(line: bytes) -> bool:
        body = line[:-1] if line.endswith(b"\r") else line
        return (
            len(body) < LONGEST_PLAIN_LINE
            and b"\r" not in body
            and b"\0" not in body
            and _NULL_BYTES not in body
            and (body.count(DELIMITER) == separators if b'"' not in body else whole(body) is not None)
            and decodes(body)
        )

    def test(block: bytes, lines: list[bytes]) -> list[bool]:
        unambiguous = (
            b"\0" not in block
            and _NULL_BYTES not in block
            and (b"\r" not in block or b"\r" not in block.replace(b"\r\n", b"\n").removesuffix(b"\r"))
            and decodes(block)
            and (len(block) < LONGEST_PLAIN_LINE or len(max(lines, key=len)) < LONGEST_PLAIN_LINE)
        )
        if not unambiguous:
            if len(lines) <= _FEW:
                return [is_clean(line) for line in lines]
            # A spoilt line makes few others slow to test.
            half = len(lines) // 2
            return [flag for part in (lines[:half], lines[half:]) for flag in test(b"\n".join(part), part)]
        if DELIMITER not in block:
            return [False] * len(lines)
        if b'"' not in block:
            return [line.count(DELIMITER) == separators for line in lines]
        return [
            line.count(DELIMITER) == separators if b'"' not in line else whole(line) is not None
            for line in lines
        ]

    def test_further(block: bytes, lines: list[bytes]) -> list[bool]:
        flags = test(block, lines)
        if end:
            flags = [
                flag and line.removesuffix(b"\r").endswith(end)
                for flag, line in zip(flags, lines, strict=True)
            ]
        if again is not None and again in block:
            flags = [
                flag and line.removesuffix(b"\r") != again for flag, line in zip(flags, lines, strict=True)
            ]
        return flags

    return test_further


def _size_if_blank(lines: list[bytes]) -> int | None:
    """Count the bytes, with line feeds, of many lines that are all blank; None for others or fewer."""
    with_cr = lines.count(b"\r")
    whole = len(lines) == _MANY and lines.count(b"") + with_cr == _MANY
    return len(lines) + with_cr if whole else None


def no_clean_lines(block: bytes, lines: list[bytes]) -> list[bool]:  # noqa: ARG001
    """Flag no line: the test that leaves every line to the exact reader."""
    return [False] * len(lines)


def decodes(text: bytes) -> bool:
    """Whether bytes are valid UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
