"""What names say: a file's base name, the day it covers, its kind."""

import re
from collections.abc import Iterable
from datetime import date, timedelta

from loader.feeds import KINDS

COMPRESSION_SUFFIXES = (".gz", ".zst", ".zip")

_DATES = re.compile(
    r"(?<!\d)(?:(\d{4})([-_.])(\d{2})\2(\d{2})(?!\d)|(\d{4})(\d{2})(\d{2})(?:[01]\d[0-5]\d[0-5]\d|2[0-3][0-5]\d[0-5]\d)?(?!\d))"
)

# Outside these years eight digits are an identifier.
_YEARS = range(2000, 2100)


def base_name(name: str) -> str:
    """The name a delivery is known by: without a compression suffix, so that x.csv and x.csv.gz are one."""
    stem = name
    while stem.lower().endswith(COMPRESSION_SUFFIXES) and len(stem) > 4:
        stem = stem[: stem.rindex(".")]
    return stem


def date_in_name(name: str) -> date | None:
    """The first valid date in a name: 2026-11-22, 2026_11_22, 2026.11.22, 20261122 or 20261122093000."""
    for found in _DATES.finditer(name):
        year, month, day = (
            int(part) for part in (found[1] or found[5], found[3] or found[6], found[4] or found[7])
        )
        if year in _YEARS:
            try:
                return date(year, month, day)
            except ValueError:
                continue
    return None


def date_in_names(names: Iterable[str], generated: bool) -> date | None:
    """The day covered according to the first of the names that has a date; names of the day of generation are
    one day late.
    """
    for name in names:
        if found := date_in_name(name):
            return found - timedelta(days=1) if generated else found
    return None


def kind_in_name(name: str) -> str | None:
    """The kind a name says, as in `Phone-Terminated_20261122.csv`; None when it says none or two."""
    letters = re.sub(r"[^a-z]", "", name.casefold())
    said = [kind for kind in KINDS if kind.replace("_", "") in letters]
    return said[0] if len(said) == 1 else None
