"""What names say: a file's base name, the day it covers, its kind."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from loader.feeds import KINDS

COMPRESSION_SUFFIXES = (".gz", ".zst", ".zip")

_DATES = re.compile(
    r"""
    (?<!\d)(?:
        (?P<year>\d{4})([-_.])(?P<month>\d\d)\2(?P<day>\d\d)
        | (?P<stamp>\d{8})(?:(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)?
        | (?P<first>\d\d)([-_.])(?P<second>\d\d)\7(?P<last>\d{4})
    )(?!\d)
    """,
    re.VERBOSE,
)

# Outside these years eight digits are an identifier.
_YEARS = range(2000, 2100)


def base_name(name: str) -> str:
    """The name a delivery is known by: without a compression suffix, so that x.csv and x.csv.gz are one."""
    stem = name
    while stem.lower().endswith(COMPRESSION_SUFFIXES) and len(stem) > 4:
        stem = stem[: stem.rindex(".")]
    return stem


@dataclass(frozen=True)
class Days:
    """The UTC days that a file covers according to its name: the last, and the first where it says two."""

    last: date
    first: date | None = None


def dates_in_name(name: str) -> list[date]:
    """The valid dates in a name: 2026-11-22, 2026_11_22, 2026.11.22, 20261122, 202611220930, 20261122093000,
    and 22-11-2026 where day and month cannot be swapped in every such date of the name.
    """
    found = list(_DATES.finditer(name))
    day_first = any(_swapped(one) is None and _date(one) for one in found)
    return [day for one in found if (day := _date(one)) and (day_first or _swapped(one) in (None, day))]


def _date(found: re.Match[str]) -> date | None:
    if stamp := found["stamp"]:
        return _valid(stamp[:4], stamp[4:6], stamp[6:])
    if found["last"]:
        return _valid(found["last"], found["second"], found["first"])
    return _valid(found["year"], found["month"], found["day"])


def _swapped(found: re.Match[str]) -> date | None:
    """Of day, month and year the date with the first two swapped; of any other date itself."""
    return _valid(found["last"], found["first"], found["second"]) if found["last"] else _date(found)


def _valid(year: str, month: str, day: str) -> date | None:
    with suppress(ValueError):
        return date(int(year), int(month), int(day)) if int(year) in _YEARS else None
    return None


def days_in_names(names: Iterable[str], generated: bool) -> Days | None:
    """The days covered according to the first of the names that has a date: of several dates the last one is
    the file's, and of two the days between are covered as well. Names of the day of generation are one day
    late.
    """
    late = timedelta(days=1 if generated else 0)
    for name in names:
        if dates := dates_in_name(name):
            first = dates[0] if len(dates) == 2 and dates[0] < dates[1] else None
            return Days(dates[-1] - late, first - late if first else None)
    return None


def kind_in_name(name: str) -> str | None:
    """The kind a name says, as in `Phone-Terminated_20261122.csv`; None when it says none or two."""
    letters = re.sub(r"[^a-z]", "", name.casefold())
    said = [kind for kind in KINDS if kind.replace("_", "") in letters]
    return said[0] if len(said) == 1 else None
