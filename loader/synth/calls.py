"""Synthetic calls: realistic call detail records of all four kinds, the same for the same arguments.

Each file is written by one DuckDB query that streams `range(n)` through arithmetic into `copy`: memory does
not grow with the number of calls. Random bits are the MD5 of seed, kind, day and number of the call, not
DuckDB's random numbers or hashes, which may depend on version and threads. Python computes the tables that
bits select from (quantiles, weighted slots, tariffs), in whole numbers; the query gets them as variables.
The SQL is in the .sql files beside this one.

A file's day is the UTC day on which its calls ended. Calls that cross midnight, and app-to-app records that
were written late, therefore have their CallTime on an earlier day, as the vendor describes.

Telephone numbers follow the numbering plans but are drawn at random: do not dial them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from math import exp
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, TypeVar

from loader.engine import engine
from loader.feeds import KINDS
from loader.synth.traffic import (
    ANSWERED_OUTCOMES,
    ANSWERED_SHARE,
    APPLICATIONS,
    CAP_REASONS,
    CURRENCIES,
    CUSTOM_VALUES,
    INBOUND_RATES,
    MAX_TALK_SECONDS,
    STORIES,
    TEST_CALLS_PER_1024,
    UNANSWERED_OUTCOMES,
    WEEKDAY_HOURS,
    WEEKEND_HOURS,
    Story,
    destinations_on,
)

if TYPE_CHECKING:
    import duckdb

DEFAULT_END = date(2026, 11, 22)

# Calls of each kind in a thousand. People call each other more at weekends, companies less.
_WEEKDAY_SPLIT = (600, 150, 150, 100)
_WEEKEND_SPLIT = (570, 120, 250, 60)

# Instead of a share of answered calls: the destination determines it.
_BY_DESTINATION = -1

_Item = TypeVar("_Item")


# Random bits are cut from four 64-bit words (a, b, c, d) a call; each bit has one use:
#   a: moment in its slot 16, scatter 16, application 16, user 16
#   b: country 16, remote number 24, talk time 10, ringing time 10
#   c: answered 16, outcome 16, has Custom 8, which Custom 8, form of From 8, form of To 8
#   d: number in Custom 20, test number 10, delayed 12, microseconds 10, 7th digit of the second 8
@dataclass(frozen=True)
class CallBatch:
    """Calls of one kind that end on one day of a delivery. Batches with different names share no call."""

    seed: int
    kind: str
    day: date
    end: date  # the delivery's last day, from which the stories are dated
    calls: int
    name: str = ""

    @property
    def is_weekend(self) -> bool:
        """Whether the day is a Saturday or a Sunday."""
        return self.day.weekday() >= 5


def calls_of_kind(calls_per_day: int, day: date) -> dict[str, int]:
    """The number of a day's calls by kind; they add up to `calls_per_day`."""
    split = _WEEKEND_SPLIT if day.weekday() >= 5 else _WEEKDAY_SPLIT
    calls = {kind: calls_per_day * share // 1000 for kind, share in zip(KINDS, split, strict=False)}
    calls["phone_terminated"] += calls_per_day - sum(calls.values())
    return calls


def records(batch: CallBatch) -> tuple[list[str], list[list[str]]]:
    """Header and records of a batch as text, for small batches."""
    with Session() as session:
        cursor = session.prepared(batch).execute(query(batch.kind))
        header = [column[0] for column in cursor.description or []]
        return header, [["" if value is None else str(value) for value in row] for row in cursor.fetchall()]


class Session:
    """A connection for one batch after the other, with the macros, variables and the view that the queries
    read. Only variables that differ from the last batch's are set, which saves most time of a small batch.
    """

    def __init__(self) -> None:
        # One thread: the order of rows must not depend on the number of processors.
        self._connection = engine(threads=1)
        self._connection.execute(query("macros"))
        self._set: dict[str, Any] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def prepared(self, batch: CallBatch) -> duckdb.DuckDBPyConnection:
        """The connection, ready for the batch's query."""
        is_first = not self._set
        for name, value in _variables(batch).items():
            if name not in self._set or self._set[name] != value:
                self._connection.execute(f"set variable {name} = $1", [value])
                self._set[name] = value
        if is_first:
            # Its types follow from the variables.
            self._connection.execute(query("called"))
        return self._connection


@cache
def query(name: str) -> str:
    """The text of a .sql file of this package."""
    return files("loader.synth").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _variables(batch: CallBatch) -> dict[str, Any]:
    """All variables of a batch's query: its name and size, the day's profile, the tables of `traffic`."""
    destinations = destinations_on(batch.day, batch.end)
    position = {place.country: number for number, place in enumerate(destinations, start=1)}
    kind_number = list(KINDS).index(batch.kind)
    return {
        "lot": f"{batch.seed}/{batch.kind}/{batch.day.isoformat()}/{batch.name}/",
        "calls": batch.calls,
        "day": batch.day,
        "is_weekend": batch.is_weekend,
        "quantiles": _day_quantiles(WEEKEND_HOURS if batch.is_weekend else WEEKDAY_HOURS),
        "story": _story_variable(batch, position),
        "application_slots": [
            _slots(
                {n: a.volume[kind_number] * a.rhythm[part] for n, a in enumerate(APPLICATIONS, start=1)}, 1000
            )
            for part in range(4)
        ],
        "destination_slots": [
            _slots({position[country]: weight for country, weight in application.destinations.items()}, 1000)
            for application in APPLICATIONS
        ],
        "applications": [
            {
                "guid": application.guid,
                "user_space_id": application.user_space_id,
                "currency": application.currency,
                "currency_number": 1 + CURRENCIES.index(application.currency),
                "inbound_rate": INBOUND_RATES[application.currency],
                "user_pattern": application.user_pattern,
                "users": application.users,
                "median_talk_seconds": application.median_talk_seconds,
                "sender": application.sender,
                "inbound": list(application.inbound),
                "inbound_digits": application.inbound_digits,
            }
            for application in APPLICATIONS
        ],
        "destinations": [
            {
                "country": place.country,
                "calling_code": place.calling_code,
                "prefixes": list(place.prefixes),
                "digits": place.digits,
                "rates": [place.rate_in(currency) for currency in CURRENCIES],
                "first": place.first,
                "following": place.following,
                "answered": place.answered,
            }
            for place in destinations
        ],
        "answered": ANSWERED_SHARE.get(batch.kind, _BY_DESTINATION),
        "answered_slots": _outcome_slots(ANSWERED_OUTCOMES[batch.kind]),
        "unanswered_slots": _outcome_slots(UNANSWERED_OUTCOMES[batch.kind]),
        "talk_quantiles": _lognormal_quantiles(sigma=1.1),
        "ring_quantiles": _lognormal_quantiles(sigma=0.45),
        "max_talk_seconds": MAX_TALK_SECONDS,
        "cap_reason": CAP_REASONS[batch.kind],
        "test_calls_per_1024": TEST_CALLS_PER_1024,
        "custom_values": list(CUSTOM_VALUES),
    }


def _story_variable(batch: CallBatch, position: Mapping[str, int]) -> dict[str, int]:
    """The day's story with its part of the day in 2^20ths; without one, an empty part of the day."""
    story: Story | None = None
    if batch.kind == "phone_terminated":
        story = next((s for s in STORIES if batch.end - timedelta(days=s.days_before_end) == batch.day), None)
    first, last = story.between if story else (0, 0)
    return {
        "first_point": first * 2**20 // 1000,
        "last_point": last * 2**20 // 1000,
        "every": story.every if story else 1,
        "application": story.application + 1 if story else 1,
        "user_number": story.user if story else 1,
        "destination": position[story.country] if story else 1,
        "talk_seconds": story.talk_seconds if story else 1,
        "answered": story.answered if story else 0,
    }


def _slots(weights: Mapping[_Item, int], size: int) -> list[_Item]:
    """About `size` items, each as often as its weight: a uniform draw from them is a weighted one."""
    total = sum(weights.values())
    return [item for item, weight in weights.items() for _ in range(-(-weight * size // total))]


def _outcome_slots(weights: Mapping[tuple[str, str], int]) -> list[dict[str, str]]:
    """Weighted (Result, Reason) pairs as structs."""
    return [{"result": result, "reason": reason} for result, reason in _slots(weights, 500)]


def _day_quantiles(hours: Sequence[int]) -> list[int]:
    """The milliseconds of the day at which 0, 1, ... 1024 of 1024 parts of its traffic are over."""
    total = sum(hours)
    quantiles = []
    hour, before = 0, 0
    for part in range(1025):
        reached = part * total  # in 1024ths of a unit of `hours`
        while hour < 23 and (before + hours[hour]) * 1024 <= reached:
            before += hours[hour]
            hour += 1
        quantiles.append(hour * 3_600_000 + (reached - before * 1024) * 3_600_000 // (hours[hour] * 1024))
    return quantiles


def _lognormal_quantiles(sigma: float) -> list[int]:
    """1024 quantiles of a log-normal distribution of median 1, in thousandths."""
    normal = NormalDist()
    return [round(1000 * exp(sigma * normal.inv_cdf((n + 0.5) / 1024))) for n in range(1024)]
