"""Calls to planted countries, each an application of its own, whose parts may have tariffs of their own.

The parts are types of number, prefixes of two to four digits behind the calling code, and callers' countries.
What a row of mart_rate_history reports of its calls is compared with what they were planted to cost.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

HEADER = (
    "CallId;UserSpaceId;CallTime;Result;Reason;Duration;AnswerTime;From;To;Amount;Currency;Custom;"
    "ApplicationKey;UserId;ToCountryId"
)
INCREMENTS = ("1/1", "6/6", "12/6", "20/5", "30/1", "30/6", "30/30", "60/1", "60/6", "60/60", "1/60")
# German numbers: of mobile networks, and of towns.
MOBILE = ("151", "152", "157", "159", "160", "162", "163", *(f"17{digit}" for digit in range(10)))
TOWNS = tuple(f"{first}{second}" for first in "2345679" for second in "0123456789" if first + second != "32")
ORIGINS = {
    "SE": "+46701234567",
    "DE": "+4930123456",
    "FR": "+33612345678",
    "GB": "+447400123456",
    "NO": "+4740612345",
    "NL": "+31612345678",
    "PL": "+48512345678",
    "IN": "+919812345678",
    "BR": "+5511961234567",
    "AU": "+61412345678",
}
# What a database has of the planted calls: rows as Row has them, and the types of numbers by their digits.
ROWS = (
    "select application_key, zone, valid_from, valid_to, increment, rounding,"
    " cast(rate_per_minute * 100000000 as bigint), cast(connection_fee * 1000000 as bigint), calls"
    " from marts.mart_rate_history"
)
TYPES = "select distinct substr(callee_e164, 4, 4), number_type from marts.fact_calls"
FIRST, DAYS = date(2026, 11, 20), 3
KINDS = ("one", "type", "type", "prefix", "prefix", "origin", "type and prefix", "type and origin")


class Tariff(NamedTuple):
    """A rate in hundred-millionths a minute and a fee in millionths."""

    increment: str
    rounding: str
    rate: int
    fee: int

    def amount(self, seconds: int, unit: int) -> int:
        """The price of a call in millionths, by integers alone."""
        first, following = map(int, self.increment.split("/"))
        billed = max(first, seconds)
        billed += -(billed - first) % following
        up = self.rounding == "up"
        units = (
            -(-self.rate * billed // (6000 * unit))
            if up
            else (2 * self.rate * billed + 6000 * unit) // (12000 * unit)
        )
        return units * unit + self.fee


class Planted(NamedTuple):
    """A call: the day, the digits behind the calling code, the caller's country, its zone and its seconds."""

    day: date
    digits: str
    origin: str
    zone: int
    seconds: int
    amount: int


class Row(NamedTuple):
    """A row of mart_rate_history."""

    zone: str | None
    valid_from: date
    valid_to: date
    increment: str
    rounding: str | None
    rate: int
    fee: int
    calls: int


@dataclass
class Country:
    """Calls of one application to numbers of one country."""

    key: str
    kind: str
    unit: int
    calls_per_day: int
    tariffs: list[Tariff]
    calls: list[Planted] = field(default_factory=list)

    def lines(self, day: date | None = None) -> Iterator[str]:
        """The calls, or those of a day, as a delivery has them."""
        for number, call in enumerate(self.calls):
            if day not in (None, call.day):
                continue
            yield (
                f"{self.key[:8]}-{number};1;{call.day}T12:00:00Z;ANSWERED;HANGUP;{call.seconds};;"
                f"{ORIGINS[call.origin]};+49{call.digits}12345;{call.amount / 1e6:.6f};EUR;;{self.key};u;DE"
            )

    def zones(self, calls_per_day: int) -> set[int]:
        """The zones that have so many calls a day, or more."""
        counts = Counter(call.zone for call in self.calls)
        return {zone for zone, calls in counts.items() if calls >= DAYS * calls_per_day}

    def verdict(self, row: Row, types: dict[str, str]) -> tuple[str, set[int]]:
        """What a row is, and the zone that it holds most calls of, if it is right.

        Right is what gives the planted prices of nearly all calls that its text is about: nine in ten of them
        are of one zone.
        """
        if row.increment in ("ambiguous", "unexplained"):
            return row.increment, set()
        tariff = Tariff(row.increment, str(row.rounding), row.rate, row.fee)
        calls = [
            call
            for call in self.calls
            if row.valid_from <= call.day <= row.valid_to
            and self.tariffs[call.zone].amount(call.seconds, self.unit)
            and is_in(row.zone, call.digits, call.origin, types.get(call.digits))
        ]
        if not calls:
            return "wrong", set()
        counts = Counter(call.zone for call in calls)
        zone, most = counts.most_common(1)[0]
        planted = self.tariffs[zone]
        right = sum(
            call.zone == zone
            and tariff.amount(call.seconds, self.unit) == planted.amount(call.seconds, self.unit)
            for call in calls
        )
        if most < 0.9 * len(calls) or right < 0.99 * most:
            return "wrong", set()
        return "right", {zone} if 2 * row.calls >= sum(call.zone == zone for call in self.calls) else set()


def is_in(zone: str | None, digits: str, origin: str, number_type: str | None) -> bool:
    """Whether a call is what a zone's text names: types, else digits, and callers' countries."""
    if zone is None:
        return True
    parts, head = [], ""
    for part in zone.split(", "):
        head = part[:-2] if "from " in part else head if re.fullmatch("[A-Z]{2}", part) else ""
        parts.append(part if part.startswith(head) else head + part)
    for part in parts:
        if "from " in part:
            called, country = part.split("from ")
            if origin == country and called.strip() in ("", number_type or digits[0]):
                return True
        elif part[0].isdigit():
            low, _, high = part.partition("–")
            if low <= digits[: len(low)] <= (high or low):
                return True
        elif part == number_type:
            return True
    return False


def random_tariff(chance: random.Random, unit: int, others: list[Tariff]) -> Tariff:
    """A rate of two to four digits that differs from the others'; mostly their increment."""
    while True:
        exponent = chance.uniform(-2.3, -0.3)
        rate = round(10**exponent, chance.choice([2, 3, 3, 4]) - int(exponent))
        if all(abs(rate * 1e8 - other.rate) > 0.03 * other.rate for other in others):
            break
    increment, rounding = chance.choice(INCREMENTS), chance.choice(["nearest", "nearest", "up"])
    if others and chance.random() < 0.7:
        increment, rounding = others[0].increment, others[0].rounding
    fee = unit * max(1, round(chance.choice([5_000, 10_000, 50_000]) / unit)) if chance.random() < 0.15 else 0
    return Tariff(increment, rounding, round(rate * 1e8), fee)


def plant(chance: random.Random, number: int, calls: tuple[int, int]) -> Country:
    """A country with one, two or three tariffs, and so many calls a day."""
    kind = chance.choice(KINDS)
    unit = 10 ** chance.randrange(5)
    per_day = round(calls[0] * (calls[1] / calls[0]) ** chance.random())
    tariffs: list[Tariff] = []
    for _ in range(1 if kind == "one" else 2 if kind in ("type", "origin") else chance.choice([2, 2, 3])):
        tariffs.append(random_tariff(chance, unit, tariffs))
    if kind.startswith("type and"):
        tariffs = [*tariffs, random_tariff(chance, unit, tariffs)][:3]
    country = Country(f"{number:08x}-0000-4000-8000-000000000000", kind, unit, per_day, tariffs)
    noise = chance.choice([0, 0.02])
    mobile_share = chance.uniform(0.25, 0.8)
    stems = {
        True: chance.sample(MOBILE, chance.randint(3, 12)),
        False: chance.sample(TOWNS, chance.randint(3, 20)),
    }
    weights = {key: [chance.random() ** 2 + 0.02 for _ in value] for key, value in stems.items()}

    def number_called(mobile: bool) -> str:
        stem = chance.choices(stems[mobile], weights[mobile])[0]
        while len(stem) < 4:
            stem += str(int(10 * chance.random() ** 1.5))
        return stem

    # Prefixes of their own tariffs hold up to a half of the calls; so do some callers' countries.
    length = chance.randint(2, 4)
    of_type = [number_called(True) for _ in range(400)]
    all_numbers = of_type if "type" in kind else [number_called(chance.random() < 0.5) for _ in range(400)]
    known = sorted({digits[:length] for digits in all_numbers})
    chance.shuffle(known)
    of_prefix: dict[str, int] = {}
    target, held = chance.uniform(0.1, 0.5), 0
    for prefix in known:
        if held >= target * len(all_numbers) and of_prefix:
            break
        of_prefix[prefix] = chance.randrange(1, max(2, len(tariffs)))
        held += sum(digits.startswith(prefix) for digits in all_numbers)
    surcharged = set(chance.sample(sorted(ORIGINS), chance.randint(2, 6)))
    origin_weights = [1 / (place + 1) for place in range(len(ORIGINS))]

    def zone_of(mobile: bool, digits: str, origin: str) -> int:
        if kind == "type":
            return int(mobile)
        if kind == "prefix":
            return of_prefix.get(digits[:length], 0)
        if kind == "origin":
            return int(origin in surcharged)
        if kind == "one" or not mobile:
            return 0
        if kind == "type and prefix":
            return of_prefix.get(digits[:length], len(tariffs) - 1) % len(tariffs)
        return 1 + (len(tariffs) > 2 and origin in surcharged)

    for day in range(DAYS):
        for _ in range(round(per_day * chance.uniform(0.85, 1.15))):
            mobile = chance.random() < mobile_share
            digits = number_called(mobile)
            origin = chance.choices(list(ORIGINS), origin_weights)[0]
            zone = zone_of(mobile, digits, origin)
            seconds = min(7200, max(1, round(chance.lognormvariate(4, 1.2))))
            amount = tariffs[zone].amount(seconds, unit)
            if chance.random() < noise:
                amount = max(1, round(amount * chance.uniform(0.5, 2) / unit)) * unit
            if amount:
                country.calls.append(
                    Planted(FIRST + timedelta(days=day), digits, origin, zone, seconds, amount)
                )
    return country
