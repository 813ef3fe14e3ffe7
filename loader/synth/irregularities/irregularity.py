"""An irregularity, and what the makers of irregular files share: new calls, and records as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from loader.feeds import KINDS
from loader.synth.calls import DEFAULT_END, CallBatch, records

Record = dict[str, str]

PHONE_TERMINATED, PHONE_ORIGINATED, APP_APP, SIP_TERMINATED = KINDS

# Enough for all irregularities of a kind together.
_POOL_CALLS = 400


class CallPool:
    """The material of irregular files: new calls of the delivery's last day, and its clean files."""

    def __init__(self, out: Path, days: int, seed: int, end: date) -> None:
        self.end = end
        self.before_first = end - timedelta(days=days)
        self._out = out
        self._seed = seed
        self._pools: dict[str, list[Record]] = {}

    def take(self, kind: str, number: int, *results: str) -> list[Record]:
        """Take the next calls of a kind from the pool, with one of the results where any are given."""
        if kind not in self._pools:
            self._pools[kind] = self.calls(kind, self.end, _POOL_CALLS, "warts")
        pool = self._pools[kind]
        taken = [record for record in pool if not results or record["Result"] in results][:number]
        self._pools[kind] = [record for record in pool if record not in taken]
        return taken

    def calls(self, kind: str, day: date, number: int, lot: str) -> list[Record]:
        """Make calls that end on a day and are in no clean file."""
        header, rows = records(CallBatch(self._seed, kind, day, self.end, number, lot))
        return [dict(zip(header, row, strict=True)) for row in rows]

    def clean_file(self, kind: str) -> bytes:
        """The content of the last day's clean file of a kind."""
        return (self._out / f"cdr_{kind}_{self.end.isoformat()}.csv").read_bytes()


Make = Callable[[CallPool], bytes]


@dataclass(frozen=True)
class Irregularity:
    """One irregular file and what staging must make of it.

    `state` is its state in the manifest once all files are staged, or `ignored` for a file that is skipped in
    a folder. `staged` (None: as many as in the clean file) and `rejected` count its records; a blank line is
    not a record. `effect` describes the rest, also in the models.
    """

    name: str
    file: str  # relative to the delivery's folder, with placeholders for dates: see `path`
    kind: str | None
    what: str
    effect: str
    state: str
    staged: int | None
    rejected: int
    make: Make = field(repr=False, compare=False)

    def path(self, days: int, end: date = DEFAULT_END) -> Path:
        """The file's path in a delivery of so many days, relative to its folder."""
        return Path(
            self.file.format(
                day=end.isoformat(),
                compact=f"{end:%Y%m%d}",
                day_before=(end - timedelta(days=1)).isoformat(),
                before_first=(end - timedelta(days=days)).isoformat(),
            )
        )


# In the order of each module.
registered: list[Irregularity] = []


def irregularity(
    file: str,
    what: str,
    effect: str,
    *,
    kind: str | None = None,
    state: str = "current",
    staged: int | None = 0,
    rejected: int = 0,
) -> Callable[[Make], Make]:
    """Register the function below as the maker of a file; its name is the irregularity's."""

    def register(make: Make) -> Make:
        name = make.__name__.strip("_")
        registered.append(Irregularity(name, file, kind, what, effect, state, staged, rejected, make))
        return make

    return register


def text(
    calls: Iterable[Record], kind: str, *, header: bool = True, columns: Iterable[str] = (), end: str = "\n"
) -> str:
    """Records as RFC 4180 text; `columns` instead of the kind's own."""
    names = list(columns) or list(KINDS[kind])
    target = io.StringIO()
    writer = csv.writer(target, delimiter=";", lineterminator=end)
    if header:
        writer.writerow(names)
    writer.writerows([call.get(name, "") for name in names] for call in calls)
    return target.getvalue()


def raw(call: Record, kind: str, **fields: str) -> str:
    """A record's line, unquoted whatever it holds, with some fields replaced."""
    return ";".join((call | fields)[name] for name in KINDS[kind])


def with_changes(calls: list[Record], *changes: Record) -> list[Record]:
    """Each call with its changes."""
    return [call | change for call, change in zip(calls, changes, strict=True)]
