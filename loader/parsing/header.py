"""Detects a file's kind and columns from its header, or from the width of its records."""

import re
from collections import Counter
from dataclasses import dataclass

from loader.errors import FileError
from loader.feeds import KINDS, OPTIONAL_COLUMN, OTHER_FEEDS, VENDOR_COLUMNS, kinds_with, shapes

MOST_COLUMNS = 1_000
_LONGEST_NAME = 128

# Every blank and format character of Unicode: invisible at the ends of a text.
_INVISIBLE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\xad\u0600\u0601\u0602\u0603\u0604\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    "\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2066"
    "\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\ufeff\ufff9\ufffa\ufffb"
)
_QUOTES = "\"'\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\xab\xbb\u2039\u203a`\xb4"
_CONTROL = re.compile("[\0-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class Columns:
    """The columns of one file: `names` in the file's order and the vendor's spelling; `extras` are columns of
    no kind. A column without a name, which spreadsheets add, has to be empty in every record.
    """

    kind: str
    names: tuple[str, ...]
    extras: frozenset[str] = frozenset()

    @property
    def width(self) -> int:
        """The number of fields of a record."""
        return len(self.names)

    @property
    def padding(self) -> tuple[int, ...]:
        """The positions of the columns without a name."""
        return tuple(at for at, name in enumerate(self.names) if not name)


def trimmed(text: str) -> str:
    """Remove blanks and invisible characters at the ends of a text."""
    return text.strip(_INVISIBLE)


def column_name(cell: str) -> str:
    """Return the name in a header's cell, in the vendor's spelling if the vendor has such a column."""
    name = trimmed(cell)
    if len(name) > 1 and name[0] in _QUOTES and name[-1] in _QUOTES:
        name = trimmed(name[1:-1])
    return VENDOR_COLUMNS.get(name.casefold(), name)


def is_header(cells: list[str]) -> bool:
    """Whether a line is a header: it names CallId or three columns of the vendor."""
    known = {name for cell in cells if (name := column_name(cell)) in _KNOWN}
    return "CallId" in known or len(known) >= 3


_KNOWN = frozenset(VENDOR_COLUMNS.values())


def columns_of_header(cells: list[str], declared_kind: str | None) -> Columns:
    """Return the columns of a header, whose names have any case and order.

    Raises FileError when a cell cannot be a name, when a column is missing, belongs to another kind or occurs
    twice, or when the header is of another kind than declared. The message names the vendor's columns; other
    cells may be values, so it gives their positions only.
    """
    if len(cells) > MOST_COLUMNS:
        raise FileError(f"the header has more than {MOST_COLUMNS:,} columns; ask for the file again")
    names = tuple(column_name(cell) for cell in cells)
    if bad := [at for at, name in enumerate(names, 1) if not _can_be_name(name)]:
        cr = any("\r" in cells[at - 1] for at in bad)
        reason = "line ends are CR alone; convert them to LF" if cr else "is the first line a record?"
        raise FileError(f"the header's {_positions(bad)} cannot be names: {reason}")
    counted = Counter(name for name in names if name)
    if repeated := [name for name, count in counted.items() if count > 1]:
        shown = [name for name in repeated if name in _KNOWN]
        places = [at for at, name in enumerate(names, 1) if name in repeated]
        raise FileError(
            f"the header names {_listed(shown) if shown else _positions(places)} more than once; "
            "give each column its own name"
        )
    known = {name for name in names if name in _KNOWN}
    kind = kind_of(known)
    if kind is None:
        raise FileError(foreign_feed(list(names)) or _no_known_kind(known))
    columns = KINDS[kind]
    missing = [name for name in columns if name not in known and name != OPTIONAL_COLUMN]
    foreign = [name for name in names if name in known and name not in columns]
    if missing and (other := foreign_feed(list(names))):
        raise FileError(other)
    if missing or foreign:
        problems = [f"lacks {_listed(missing)}"] if missing else []
        problems += [f"has {_listed(foreign)} of another kind"] if foreign else []
        raise FileError(f"the header looks like {kind} but {' and '.join(problems)}; ask for the file again")
    if declared_kind not in (None, kind):
        raise FileError(
            f"the header is that of {kind}, not {declared_kind}; drop --kind or name the right one"
        )
    return Columns(kind, names, frozenset(name for name in names if name and name not in _KNOWN))


def kind_of(known: set[str]) -> str | None:
    """Return the kind that a header's vendor columns determine: the narrowest kind that has the rarest of
    them. Columns that every kind has determine none.
    """
    marks = [kinds for name in known if len(kinds := kinds_with(name)) < len(KINDS)]
    rarest = min(marks, key=lambda kinds: (len(kinds), len(KINDS[kinds[0]])), default=None)
    return rarest[0] if rarest else None


def foreign_feed(cells: list[str]) -> str:
    """Return a sentence about a header of one of the vendor's other feeds; empty for any other header."""
    names = {column_name(cell).casefold().replace("_", "") for cell in cells}
    for feed, mark in OTHER_FEEDS.items():
        if mark in names:
            return f"the header is that of a {feed} record file, not of calls; stage files of calls only"
    return ""


def _no_known_kind(known: set[str]) -> str:
    """Return a sentence about the columns that a header of no kind lacks."""
    nearest = max(KINDS, key=lambda kind: (len(known.intersection(KINDS[kind])), -len(KINDS[kind])))
    missing = [name for name in KINDS[nearest] if name not in known and name != OPTIONAL_COLUMN]
    return (
        f"the header is of no known kind; the nearest is {nearest}; it lacks {_listed(missing)}; "
        "ask for the file again"
    )


def columns_without_header(widths: list[int], declared_kind: str | None, name_kind: str | None) -> Columns:
    """Return the columns of a file without a header. Its kind is the declared one, the one in its name, or
    the only one with its commonest record width.

    Raises FileError when the kind stays unknown or no record has the kind's width.
    """
    counted = Counter(widths)
    width = counted.most_common(1)[0][0]
    fitting = [kind for kind in KINDS if width in map(len, shapes(kind))]
    kind = declared_kind or name_kind or (fitting[0] if len(fitting) == 1 else None)
    if kind is None:
        known = " or ".join(fitting) or "of no known kind"
        raise FileError(f"there is no header and records of {width} fields are {known}; name it with --kind")
    best = max(shapes(kind), key=lambda names: counted[len(names)])
    if not counted[len(best)]:
        raise FileError(
            f"there is no header and records have {width} fields, where {kind} has {len(KINDS[kind])}; "
            "check --kind and the file's name"
        )
    return Columns(kind, best)


def is_repeated_header(columns: Columns, values: tuple[str, ...]) -> bool:
    """Whether a record is the file's header repeated."""
    at = columns.names.index("CallId")
    return column_name(values[at]) == "CallId" and tuple(map(column_name, values)) == columns.names


def _can_be_name(name: str) -> bool:
    """Whether a cell can be a column's name, or is empty and so padding."""
    return not name.isdigit() and len(name) <= _LONGEST_NAME and not _CONTROL.search(name)


def _positions(places: list[int]) -> str:
    shown = ", ".join(map(str, places[:10])) + (" …" if len(places) > 10 else "")
    return f"column{'s' if len(places) > 1 else ''} {shown}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names)
