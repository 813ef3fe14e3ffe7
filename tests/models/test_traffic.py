"""Hours, peaks and their moments equal those of a plain sweep in Python, to the microsecond."""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from builders import header, record
from harness import Loader
from marts_by_rows import lines_needed
from warehouse import Warehouse

DAYS = 3
START = datetime.fromisoformat("2026-11-20")
LONGEST = timedelta(hours=8)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
KINDS = ("phone_terminated", "sip_terminated")
MODELS = ("-s", "+mart_traffic_hourly", "+mart_busy_hour")


@dataclass(frozen=True)
class Call:
    """A call as it is delivered."""

    kind: str
    application: str
    called_at: datetime
    answered_at: datetime | None
    duration: int
    is_answered: bool

    def line(self, call_id: str) -> str:
        return record(
            self.kind,
            call_id,
            CallTime=f"{self.called_at.isoformat()}Z",
            AnswerTime=f"{self.answered_at.isoformat()}Z" if self.answered_at else "",
            Result="ANSWERED" if self.is_answered else "NOANSWER",
            Duration=str(self.duration),
            ApplicationKey=self.application,
        )

    @property
    def counted_answer(self) -> datetime | None:
        """The answer, where it is not later than an answer can be (longest_answer_delay_seconds)."""
        if self.answered_at and self.answered_at - self.called_at <= timedelta(seconds=600):
            return self.answered_at
        return None

    @property
    def interval(self) -> tuple[datetime, datetime] | None:
        """When the call is open, if ever."""
        if not self.is_answered or not self.duration:
            return None
        start = self.counted_answer or self.called_at
        return start, start + min(timedelta(seconds=self.duration), LONGEST)

    @property
    def occupied(self) -> tuple[datetime, datetime] | None:
        """When the call occupies a line: ringing before its answer, too."""
        return (self.called_at, self.interval[1]) if self.interval else None

    @property
    def basis(self) -> str:
        return "answer_time" if self.counted_answer else "call_time"


def random_calls(chance: random.Random, number: int) -> list[Call]:
    """Many calls at few moments: touching, at hours and midnights, longer than a day and than is swept."""
    edges = [START + timedelta(hours=hour) for hour in (0, 1, 9, 10, 23, 24, 25, 47, 48, 70)]

    def moment() -> datetime:
        if chance.random() < 0.5:
            shift = chance.choice([-60_000_000, -1, 0, 0, 1, 1_000_000])
            return max(START, chance.choice(edges) + timedelta(microseconds=shift))
        return START + timedelta(microseconds=chance.randrange(DAYS * 24 * 3600 * 10**6))

    calls = []
    for _ in range(number):
        kind = chance.choice(KINDS)
        called_at = moment()
        wait = timedelta(microseconds=chance.choice([0, 1, 12_345_678, 3_600_000_000, 86_400_000_000]))
        answers = kind == "phone_terminated" and chance.random() < 0.7
        calls.append(
            Call(
                kind,
                chance.choice(["app-a", "app-b", ""]),
                called_at,
                called_at + wait if answers else None,
                chance.choice([0, 1, 60, 61, 600, 3600, 7200, 28_800, 30_000, chance.randrange(7200)]),
                answers or chance.random() < 0.8,
            )
        )
    return calls


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def hours_of(calls: Iterable[Call]) -> dict[datetime, tuple[float, int, datetime, str]]:
    """Erlangs, peak, its first moment and the basis of every hour with an open call, computed plainly."""
    open_in = defaultdict(list)
    for call in calls:
        if call.interval is None:
            continue
        start, end = call.interval
        hour = hour_of(start)
        while hour < end:
            open_in[hour].append((max(start, hour), min(end, hour + HOUR), call.basis))
            hour += HOUR
    hours = {}
    for hour, pieces in open_in.items():
        seconds = sum((end - start) // MICROSECOND for start, end, _ in pieces)
        # an end (0) sorts before a start (1) of the same moment
        events = sorted([(start, 1) for start, *_ in pieces] + [(end, 0) for _, end, _ in pieces])
        running = peak = 0
        peak_at = hour
        for moment, is_start in events:
            running += 1 if is_start else -1
            if running > peak:
                peak, peak_at = running, moment
        bases = {basis for *_, basis in pieces}
        hours[hour] = (seconds / 3.6e9, peak, peak_at, bases.pop() if len(bases) == 1 else "mixed")
    return hours


def expected_hourly(calls: list[Call]) -> list[tuple[Any, ...]]:
    groups = defaultdict(list)
    for call in calls:
        application = call.application or None
        for group in (
            ("call_type", call.kind, application),
            ("application", None, application),
            ("account", None, None),
        ):
            groups[group].append(call)
    rows = []
    for group, members in groups.items():
        swept = hours_of(members)
        called = [hour_of(call.called_at) for call in members]
        answered = [hour_of(call.called_at) for call in members if call.is_answered]
        for hour in {*swept, *called}:
            erlangs, peak, peak_at, basis = swept.get(hour, (0.0, 0, None, None))
            counts = called.count(hour), answered.count(hour)
            rows.append((hour, *group, *counts, erlangs, peak, peak_at, basis))
    return in_order(rows)


def peak_of(intervals: list[tuple[datetime, datetime]]) -> int:
    """The greatest number of intervals at one moment; only starts have to be tried."""
    return max(sum(start <= moment < end for start, end in intervals) for moment, _ in intervals)


def occupied_on(day: date, calls: Iterable[Call]) -> int:
    """The most lines occupied at one moment of a day."""
    midnight = datetime.combine(day, time())
    pieces = [
        (max(call.occupied[0], midnight), min(call.occupied[1], midnight + timedelta(days=1)))
        for call in calls
        if call.occupied
    ]
    return peak_of([(start, end) for start, end in pieces if start < end])


def expected_busy_hours(calls: list[Call]) -> list[tuple[Any, ...]]:
    scopes = {("account", None): calls}
    for application in {call.application for call in calls}:
        members = [call for call in calls if call.application == application]
        scopes["application", application or None] = members
    rows = []
    for scope, members in scopes.items():
        days = defaultdict(list)
        for hour, (erlangs, peak, peak_at, _) in hours_of(members).items():
            days[hour.date()].append((hour, erlangs, peak, peak_at))
        for day, hours in days.items():
            busy = min(hours, key=lambda row: (-row[1], row[0]))
            highest = min(hours, key=lambda row: (-row[2], row[0]))
            needed = occupied_on(day, members), lines_needed(busy[1])
            rows.append((day, *scope, busy[0], busy[1], highest[2], highest[3], *needed))
    return in_order(rows)


def in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=lambda row: [str(value) for value in row[:4]])


def check(loader: Loader, calls: list[Call]) -> None:
    found = loader.query(
        "select hour, scope, call_type, application_key, bids, answers, erlangs, peak_concurrent_calls,"
        " peak_at, interval_basis from marts.mart_traffic_hourly"
    )
    assert in_order(found) == expected_hourly(calls)
    found = loader.query(
        "select date, scope, application_key, busy_hour, erlangs, peak_concurrent_calls, peak_at,"
        " peak_occupied, lines_at_1pct from marts.mart_busy_hour"
    )
    assert in_order(found) == expected_busy_hours(calls)


def deliver(loader: Loader, day: int, calls: list[Call]) -> None:
    """One file a kind with a day's calls; a second version shares calls with the first and replaces it."""
    file_date = (START + timedelta(days=day)).date()
    for kind in KINDS:
        own = [call for call in calls if call.kind == kind]
        lines = [call.line(f"{day}-{number}") for number, call in enumerate(own)]
        name = f"{file_date}/{kind}.csv"
        loader("stage", loader.write(name, "".join(f"{line}\n" for line in [header(kind), *lines])))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("traffic")
    warehouse = Warehouse(Loader(folder / "cdr.duckdb", folder / "inbox"), folder / "target")
    warehouse.dbt("seed")
    return warehouse


def test_traffic_is_that_of_a_plain_sweep(warehouse: Warehouse) -> None:
    """First all days, then a corrected middle day whose old calls reached into the next days."""
    chance = random.Random(11)
    loader = warehouse.loader
    days = [random_calls(chance, 250) for _ in range(DAYS)]
    for day, calls in enumerate(days):
        deliver(loader, day, calls)
    warehouse.dbt("run", *MODELS)
    check(loader, [call for calls in days for call in calls])

    days[1] = random_calls(chance, 120)
    deliver(loader, 1, days[1])
    warehouse.dbt("run", *MODELS)
    check(loader, [call for calls in days for call in calls])
