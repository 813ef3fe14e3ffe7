"""An independent reading of the grammar, written for clarity, to compare the loader with."""

import re

# In the columns of every kind.
CALL_TIME = 2
READABLE_TIME = re.compile(
    rb"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d|[+-]\d\d\d\d|[+-]\d\d:\d\d)?"
)

Outcome = tuple[int, str, tuple[str, ...]]


def reading(text: bytes, width: int, first_line: int = 1) -> list[Outcome]:
    """What the grammar makes of a text: per record its line, "" or a reason, and its values or its raw text.

    Written for clarity, over the whole text at once, to compare the loader with.
    """
    outcomes: list[Outcome] = []
    at, line = 0, first_line
    while at < len(text):
        stop, after = _physical(text, at)
        if stop == at:
            at, line = after, line + 1
            continue
        fields, end, bad_field = _record(text, at, width)
        if bad_field is not None:
            reason = "unbalanced_quote"
            end, after = _physical(text, bad_field)
        else:
            assert fields is not None
            after = _physical(text, end)[1]
            reason = _fault(fields, width)
        if reason == "":
            assert fields is not None
            outcomes.append((line, "", tuple(field.decode() for field in fields)))
        else:
            raw = text[at:end]
            if not _is_text(raw):
                reason = "undecodable_bytes"
            outcomes.append((line, reason, (raw.decode("utf-8", "backslashreplace"),)))
        line += text[at:after].count(b"\n") or 1
        at = after
    return outcomes


def _physical(text: bytes, at: int) -> tuple[int, int]:
    """Where the line around `at` ends, without and with its line end."""
    feed = text.find(b"\n", at)
    if feed < 0:
        return len(text), len(text)
    return (feed - 1 if feed > at and text[feed - 1 : feed] == b"\r" else feed), feed + 1


def _record(text: bytes, at: int, width: int) -> tuple[list[bytes] | None, int, int | None]:
    """Fields and end of the record at a position, or the position of its first unbalanced field."""
    fields: list[bytes] = []
    while True:
        start = at
        if text[at : at + 1] == b'"':
            at += 1
            while True:
                at = text.find(b'"', at)
                if at < 0:
                    return None, 0, start
                if text[at + 1 : at + 2] != b'"':
                    break
                at += 2
            if _is_stray(text, start, at, width, beyond=len(fields) >= width):
                return None, 0, start
            fields.append(text[start + 1 : at].replace(b'""', b'"'))
            at += 1
            rest = text[at : at + 2]
            if rest[:1] not in (b"", b";", b"\n") and rest != b"\r\n":
                return None, 0, start
        else:
            stop = _physical(text, at)[0]
            delimiter = text.find(b";", at, stop)
            at = stop if delimiter < 0 else delimiter
            fields.append(text[start:at])
        if text[at : at + 1] != b";":
            return fields, at, None
        at += 1


def _is_stray(text: bytes, start: int, closing: int, width: int, beyond: bool) -> bool:
    """Whether the quote that opens a value is a stray one, by the lines on which the value goes on."""
    at = text.find(b"\n", start, closing)
    if beyond and at >= 0:
        return True
    while at >= 0:
        at += 1
        stop = _physical(text, at)[0]
        inside = text[at : min(stop, closing)].split(b";")
        if closing < stop:
            # The last of them goes on behind the value.
            inside = inside[:-1]
        if is_record_by_itself(text[at:stop], width):
            return True
        if len(inside) > CALL_TIME and READABLE_TIME.fullmatch(inside[CALL_TIME].strip(b' "\t')):
            return True
        at = text.find(b"\n", at, closing)
    return False


def is_record_by_itself(line: bytes, width: int) -> bool:
    """Whether a line is a record of full width, without quotes that are part of a value."""
    fields = []
    rest = line
    while True:
        quoted = re.match(rb'"((?:[^"]|"")*)"(?=;|$)', rest)
        plain = re.match(rb'(?!")[^;"]*(?=;|$)', rest)
        found = quoted or plain
        if found is None:
            return False
        fields.append(found[0])
        if found.end() == len(rest):
            return len(fields) == width
        rest = rest[found.end() + 1 :]


def _fault(fields: list[bytes], width: int) -> str:
    if any(b"\0" in field for field in fields):
        return "nul_byte"
    if not _is_text(b"".join(fields)):
        return "undecodable_bytes"
    if len(fields) == width:
        return ""
    return "too_few_fields" if len(fields) < width else "too_many_fields"


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
