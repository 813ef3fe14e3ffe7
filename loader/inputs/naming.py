"""Names: a file's base name, and the days and the kind in it."""

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
        (\d{4})([-_.])(\d\d)\2(\d\d)                                # year, month, day
        | (\d{8})(?:(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)?          # without separators, with a time
        | (\d\d)([-_.])(\d\d)\7(\d{4})                              # day, month, year
    )(?!\d)
    """,
    re.VERBOSE,
)

# Outside these years eight digits are an identifier.
_YEARS = range(2000, 2100)


def base_name(name: str) -> str:
    """Return the name without a compression suffix, so that x.csv and x.csv.gz are one delivery."""
    stem = name
    while stem.lower().endswith(COMPRESSION_SUFFIXES) and len(stem) > 4:
        stem = stem[: stem.rindex(".")]
    return stem


@dataclass(frozen=True)
class Days:
    """The UTC days that a file covers by its name: the last, and the first if the name has two."""

    last: date
    first: date | None = None


def dates_in_name(name: str) -> list[date]:
    """Return the valid dates in a name: 2026-11-22, 2026_11_22, 2026.11.22, 20261122, 202611220930,
    20261122093000, and 22-11-2026 unless day and month can be swapped in every such date of the name.
    """
    # Each date, and the date with day and month swapped if that is valid.
    found: list[tuple[date, date | None]] = []
    for year, _, month, day, stamp, first, _, second, last in _DATES.findall(name):
        if last:
            read, swapped = _valid(last, second, first), _valid(last, first, second)
        else:
            read = swapped = _valid(stamp[:4] or year, stamp[4:6] or month, stamp[6:] or day)
        if read:
            found.append((read, swapped))
    day_first = any(swapped is None for _, swapped in found)
    return [read for read, swapped in found if day_first or swapped in (None, read)]


def _valid(year: str, month: str, day: str) -> date | None:
    if int(year) in _YEARS:
        with suppress(ValueError):
            return date(int(year), int(month), int(day))
    return None


def days_in_names(names: Iterable[str], generated: bool) -> Days | None:
    """Return the days covered by the first of the names that has a date. Of several dates the last one is the
    file's; of two the days between are also covered. Names with the day of generation are one day late.
    """
    late = timedelta(days=1 if generated else 0)
    for name in names:
        if dates := dates_in_name(name):
            first = dates[0] if len(dates) == 2 and dates[0] < dates[1] else None
            return Days(dates[-1] - late, first - late if first else None)
    return None


def kind_in_name(name: str) -> str | None:
    """Return the kind in a name, as in `Phone-Terminated_20261122.csv`; None for no kind or two."""
    letters = re.sub(r"[^a-z]", "", name.casefold())
    found = [kind for kind in KINDS if kind.replace("_", "") in letters]
    return found[0] if len(found) == 1 else None
