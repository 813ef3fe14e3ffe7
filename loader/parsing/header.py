"""How a file's first line, or the width of its records, tells which kind it holds."""

from collections import Counter
from dataclasses import dataclass

from loader.errors import FileError
from loader.feeds import KINDS, OPTIONAL_COLUMN, VENDOR_COLUMNS, Kind

# Columns that name a kind, strongest first: a header that holds one is of that kind.
_MARKS = (
    (Kind.APP_APP, ("FromUserId", "ToUserId")),
    (Kind.PHONE_TERMINATED, ("AnswerTime", "UserId", "ToCountryId")),
    (Kind.PHONE_ORIGINATED, ("Amount", "Currency")),
    (Kind.SIP_TERMINATED, ("From", "To")),
)

_KINDS_BY_WIDTH = {15: Kind.PHONE_TERMINATED, 14: Kind.PHONE_TERMINATED, 12: Kind.PHONE_ORIGINATED}


@dataclass(frozen=True)
class Columns:
    """The columns of one file: `names` in the file's order, vendor's own spelling; `extras` are those no kind
    has.
    """

    kind: str
    names: tuple[str, ...]
    extras: frozenset[str] = frozenset()

    @property
    def width(self) -> int:
        """Fields of a record."""
        return len(self.names)


def is_header(fields: list[str]) -> bool:
    """Whether a file's first record is a header: it names CallId, or three columns the vendor knows."""
    known = {key for field in fields if (key := field.strip().casefold()) in VENDOR_COLUMNS}
    return "callid" in known or len(known) >= 3


def columns_of_header(fields: list[str], declared_kind: str | None) -> Columns:
    """Recognises a header, names in any case and order.

    Raises FileError naming the columns when one is missing, belongs to another kind, occurs twice, or when
    the header is of another kind than declared.
    """
    names = tuple(VENDOR_COLUMNS.get(field.strip().casefold(), field.strip()) for field in fields)
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise FileError(f"the header names {_listed(repeated)} more than once; give each column its own name")
    known = {name for name in names if name.casefold() in VENDOR_COLUMNS}
    kind = next((kind for kind, marks in _MARKS if known.intersection(marks)), None)
    if kind is None:
        raise FileError(
            f"the header ({_listed(names)}) is of no known kind; compare it with the columns in "
            "loader/README.md"
        )
    columns = KINDS[kind]
    missing = [name for name in columns if name not in known and name != OPTIONAL_COLUMN]
    foreign = [name for name in names if name in known and name not in columns]
    if missing or foreign:
        problems = [f"lacks {_listed(missing)}"] if missing else []
        problems += [f"has {_listed(foreign)} of another kind"] if foreign else []
        raise FileError(f"the header looks like {kind} but {' and '.join(problems)}; ask for the file again")
    if declared_kind not in (None, kind):
        raise FileError(
            f"the header is that of {kind}, not {declared_kind}; drop --kind or name the right one"
        )
    return Columns(kind, names, frozenset(names) - known)


def columns_without_header(widths: list[int], declared_kind: str | None, name_kind: str | None) -> Columns:
    """Decides a headerless file's kind: declared, said by its name, or the only one with its commonest record
    width.

    Raises FileError when the kind stays unknown or none of the records has the kind's width.
    """
    counted = Counter(widths)
    width = counted.most_common(1)[0][0]
    kind = declared_kind or name_kind or _KINDS_BY_WIDTH.get(width)
    if kind is None:
        known = "app_app or sip_terminated" if width == len(KINDS[Kind.APP_APP]) else "of no known kind"
        raise FileError(
            f"there is no header and records of {width} fields are {known}; say which with --kind"
        )
    whole = KINDS[kind]
    shapes = [whole, tuple(name for name in whole if name != OPTIONAL_COLUMN)]
    best = max(shapes, key=lambda names: counted[len(names)])
    if not counted[len(best)]:
        raise FileError(
            f"there is no header and records have {width} fields, where {kind} has {len(whole)}; "
            "check --kind and the file's name"
        )
    return Columns(kind, best)


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(name or "(no name)" for name in names)
