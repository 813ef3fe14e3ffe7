"""Tariffs by type of number: planted ones are found, and no other is reported."""

import random
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from harness import Loader
from warehouse import Warehouse

HEADER = "CallId;UserSpaceId;CallTime;Result;Reason;Duration;AnswerTime;From;To;Amount;Currency;Custom"
# By seed number_ranges mobile, and without a type.
NUMBERS = {"mobile": ["+4915112345678", "+4917012345678"], "3, 8": ["+493012345678", "+498912345678"]}
INCREMENTS = ["1/1", "6/6", "12/6", "20/5", "30/1", "30/6", "30/30", "60/1", "60/6", "60/60", "1/60"]
FIRST, DAYS = date(2026, 11, 20), 3


class Tariff(NamedTuple):
    increment: str
    rounding: str
    # Hundred-millionths a minute; millionths.
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
    kind: str
    unit: int
    tariffs: dict[str, Tariff]
    # The seconds of calls, by type of number.
    seconds: dict[str, list[int]]


def random_tariff(chance: random.Random, unit: int) -> Tariff:
    rate = round(10 ** chance.uniform(3.7, 5.7), -3 if chance.random() < 0.5 else -2)
    fee = unit * chance.randrange(1, 9) if chance.random() < 0.15 else 0
    return Tariff(
        chance.choice(INCREMENTS), chance.choice(["nearest", "nearest", "up"]), 100 * (int(rate) or 1000), fee
    )


def plant(chance: random.Random, groups: int, calls: tuple[int, int]) -> tuple[list[str], dict[str, Planted]]:
    """Lines of a delivery: applications with one tariff, with one a type, or where a type itself has two."""
    lines, planted = [HEADER + ";ApplicationKey;UserId;ToCountryId"], {}
    for group in range(groups):
        application = f"{group:08x}-0000-4000-8000-000000000000"
        kind = chance.choice(["one", "type", "type", "type", "digits"])
        unit = 10 ** chance.choice([0, 1, 2, 2, 3, 4])
        mobile, fixed, other = (random_tariff(chance, unit) for _ in range(3))
        tariffs = {"mobile": mobile, "3, 8": mobile if kind == "one" else fixed}
        made = Planted(kind, unit, tariffs, {"mobile": [], "3, 8": []})
        planted[application] = made
        noise = chance.choice([0, 0, 0.02])
        for number in range(DAYS * chance.randrange(*calls)):
            called = chance.choice(list(tariffs))
            which = chance.randrange(2)
            seconds = min(7200, max(1, round(chance.lognormvariate(4, 1.2))))
            tariff = other if kind == "digits" and which else tariffs[called]
            amount = tariff.amount(seconds, unit)
            if chance.random() < noise:
                amount += unit * chance.randrange(1, 50)
            if not amount:
                continue
            made.seconds[called].append(seconds)
            day = FIRST + timedelta(days=number % DAYS)
            parts = [
                f"{group}-{number}",
                "1",
                f"{day}T12:00:00Z",
                "ANSWERED",
                "HANGUP",
                str(seconds),
                "",
                "private",
            ]
            parts += [NUMBERS[called][which], f"{amount / 1e6:.6f}", "EUR", "", application, "u", "DE"]
            lines.append(";".join(parts))
    return lines, planted


def verdict(planted: Planted, row: tuple[object, ...]) -> str:
    """What a row of mart_rate_history is: right is what gives every planted call the planted amount."""
    zone, increment, rounding, rate, fee = row
    if rate is None or increment == "ambiguous":
        return str(increment)
    tariff = Tariff(
        str(increment), str(rounding), round(float(str(rate)) * 1e8), round(float(str(fee)) * 1e6)
    )
    for called in [str(zone)] if zone else ["mobile", "3, 8"]:
        right = sum(
            tariff.amount(seconds, planted.unit) == planted.tariffs[called].amount(seconds, planted.unit)
            for seconds in planted.seconds[called]
        )
        if planted.kind == "digits" or right < 0.98 * len(planted.seconds[called]):
            return "wrong"
    return "right"


def test_planted_tariffs_are_found_and_no_other(tmp_path: Path) -> None:
    lines, planted = plant(random.Random(38), 30, (150, 600))
    loader = Loader(tmp_path / "zones.duckdb", tmp_path)
    loader.stage(loader.write("cdr_phone_terminated_2026-11-20.csv", "\n".join(lines) + "\n"))
    no_tests = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
    Warehouse(loader, tmp_path / "target").dbt("build", "-s", "+mart_rate_history", *no_tests)
    found = loader.query(
        "select application_key, zone, increment, rounding, rate_per_minute, connection_fee"
        " from marts.mart_rate_history"
    )
    verdicts = [(planted[key].kind, row[0], verdict(planted[key], tuple(row))) for key, *row in found]
    assert not [one for one in verdicts if one[2] == "wrong"]
    zones = 2 * sum(one.kind == "type" for one in planted.values())
    assert sum(one[1] is not None and one[2] == "right" for one in verdicts) > 0.8 * zones
    assert not [one for one in verdicts if one[0] == "one" and one[1]]
    # Every call is in one row.
    calls = sum(len(seconds) for one in planted.values() for seconds in one.seconds.values())
    assert loader.query("select sum(calls) from marts.mart_rate_history") == [(calls,)]
