"""Count how often the inference of mart_rate_history is right, on a grid of known tariffs.

`make bench` runs it. Each tariff is an application of its own with one day of calls, whose amounts are
computed by the tariff with whole numbers; the deliveries are staged and built like any others. A tariff is
right where its increment is found, wrong where another one is. Then come countries whose parts have tariffs
of their own. Nothing is asserted.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "tools"))

from planted_tariffs import HEADER, ROWS, TYPES, Country, Row, plant  # noqa: E402

DAY = "2026-11-22"
LISTED = ("1/1", "6/6", "12/6", "20/5", "30/1", "30/6", "30/30", "60/1", "60/6", "60/60", "1/60")
UNLISTED = ("10/10", "15/15", "45/15", "5/5")
# In hundred-millionths of the currency.
RATES = (450_000, 1_800_000, 4_550_000, 12_340_000, 50_000_000, 115_000_000)
DECIMALS = (2, 3, 4, 6)
CALLS = (20, 60, 250, 1000)
# Calls a day of zones, and how many are enough to find most.
SIZES = (1, 60, 250, 1000)
ENOUGH = 250
COLUMNS = (
    "CallId;UserSpaceId;CallTime;Result;Reason;Duration;AnswerTime;From;To;Amount;Currency;Custom;"
    "ApplicationKey;UserId;ToCountryId"
)


@dataclass(frozen=True)
class Tariff:
    """What the calls of one application cost. The rate is in hundred-millionths of the currency, the fee in
    units.
    """

    increment: str
    rate: int
    decimals: int
    rounding: str
    fee: int
    calls: int

    def amount(self, duration: int) -> str:
        """Price of a call as the vendor would write it."""
        first, following = map(int, self.increment.split("/"))
        billed = max(first, duration + (first - duration) % following)
        # In units: rate * billed / 60, a unit being 10 ** (8 - decimals) hundred-millionths.
        numerator, denominator = self.rate * billed, 60 * 10 ** (8 - self.decimals)
        if self.rounding == "up":
            units = -(-numerator // denominator)
        else:
            units = (2 * numerator + denominator) // (2 * denominator)
        whole, part = divmod(units + self.fee, 10**self.decimals)
        return f"{whole}.{part:0{self.decimals}d}"


def grid(increments: tuple[str, ...], fees: tuple[int, ...]) -> list[Tariff]:
    """Every combination. A fee is given in units of the decimals."""
    return [
        Tariff(increment, rate, decimals, rounding, fee, calls)
        for increment in increments
        for rate in RATES
        for decimals in DECIMALS
        for rounding in ("nearest", "up")
        for fee in fees
        for calls in CALLS
    ]


def deliver(tariffs: list[Tariff], path: Path, seed: int) -> None:
    """One delivery with the calls of all tariffs; tariff n is that of the application `tariff n`."""
    chance = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        file.write(COLUMNS + "\n")
        for number, tariff in enumerate(tariffs):
            for call in range(tariff.calls):
                duration = max(1, round(chance.lognormvariate(4.4, 1.1)))
                file.write(
                    f"{number}-{call};1;{DAY}T10:00:00Z;ANSWERED;HANGUP;{duration};{DAY}T10:00:05Z;;"
                    f"+46701234567;{tariff.amount(duration)};EUR;;tariff {number};;SE\n"
                )


def build(folder: Path, delivery: Path) -> Path:
    """The mart on a new database; returns its path."""
    database = folder / f"{delivery.stem}.duckdb"
    environment = {**os.environ, "CDR_DATABASE": str(database), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    models_only = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    for arguments in (
        ("stage", str(delivery), "--kind", "phone_terminated", "--file-date", DAY),
        ("build", "-s", "+mart_rate_history", *models_only),
    ):
        command = (sys.executable, "-m", "loader", *arguments, "-q")
        subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.DEVNULL)
    return database


def verdicts(tariffs: list[Tariff], database: Path) -> list[str]:
    """Of each tariff: right, right with another rate, ambiguous, unexplained, or wrong."""
    with duckdb.connect(database, read_only=True) as connection:
        rows = connection.execute(
            "select application_key, increment, cast(rate_per_minute * 100000000 as bigint), connection_fee"
            " from marts.mart_rate_history"
        ).fetchall()
    found = {int(key.split()[1]): (increment, rate, fee) for key, increment, rate, fee in rows}
    result = []
    for number, tariff in enumerate(tariffs):
        increment, rate, fee = found.get(number, ("missing", 0, 0))
        if increment in ("ambiguous", "unexplained", "missing"):
            result.append(increment)
        elif increment != tariff.increment:
            result.append("wrong")
            print(f"wrong: {increment} {rate} {fee} for {tariff}", file=sys.stderr)
        else:
            result.append("right" if rate == tariff.rate else "right, other rate")
    return result


def shares(tariffs: list[Tariff], result: list[str], title: str, of: str) -> None:
    """A table of Markdown: verdicts by one property of the tariffs."""
    names = ["right", "right, other rate", "ambiguous", "unexplained", "wrong"]
    print(f"\n| {title} | tariffs | " + " | ".join(names) + " |\n|---|" + "---:|" * (len(names) + 1))
    values = sorted({getattr(tariff, of) for tariff in tariffs})
    for value in [*values, None]:
        counts = Counter(
            verdict
            for tariff, verdict in zip(tariffs, result, strict=True)
            if value is None or getattr(tariff, of) == value
        )
        total = sum(counts.values())
        cells = (f"{counts[name]:,} ({counts[name] / total:.0%})" if counts[name] else "0" for name in names)
        print(f"| {'all' if value is None else value} | {total:,} | " + " | ".join(cells) + " |")


def zones(countries: list[Country], database: Path) -> None:
    """Tables of Markdown: the zones that were found, by their calls a day and by what they are made of."""
    with duckdb.connect(database, read_only=True) as connection:
        types = dict(connection.execute(TYPES).fetchall())
        rows: dict[str, list[Row]] = {}
        for key, *row in connection.execute(ROWS).fetchall():
            rows.setdefault(key, []).append(Row(*row))
    by_size: Counter[tuple[object, str]] = Counter()
    by_kind: Counter[tuple[object, str]] = Counter()
    of_rows: Counter[str] = Counter()
    split = 0
    for country in countries:
        verdicts = [country.verdict(row, types) for row in rows[country.key]]
        of_rows.update(verdict for verdict, _ in verdicts)
        found = {zone for _, held in verdicts for zone in held}
        if country.kind == "one":
            split += any(row.zone for row in rows[country.key])
            continue
        unknown = "ambiguous" if "ambiguous" in [verdict for verdict, _ in verdicts] else "not found"
        for size, next_size in zip(SIZES, [*SIZES[1:], sys.maxsize], strict=True):
            for zone in country.zones(size) - country.zones(next_size):
                verdict = "found" if zone in found else unknown
                by_size[size, verdict] += 1
                if size >= ENOUGH:
                    by_kind[country.kind, verdict] += 1
    for title, counts in (("calls a day, from", by_size), (f"from {ENOUGH} calls a day, by", by_kind)):
        names = ("found", "ambiguous", "not found")
        print(f"\n| {title} | zones | " + " | ".join(names) + " |\n|---|" + "---:|" * (len(names) + 1))
        for value in sorted({value for value, _ in counts}, key=str):
            cells = [counts[value, name] for name in names]
            print(f"| {value} | {sum(cells)} | " + " | ".join(map(str, cells)) + " |")
    print(f"\nRows: {dict(of_rows)}; countries with one tariff that have a zone: {split}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    lots = {
        "listed": grid(LISTED, (0,)),
        "fees": grid(LISTED, (3,)),
        "unlisted": grid(UNLISTED, (0,)),
    }
    with tempfile.TemporaryDirectory() as name:
        for lot, tariffs in lots.items():
            delivery = Path(name) / f"{lot}.csv"
            deliver(tariffs, delivery, seed)
            result = verdicts(tariffs, build(Path(name), delivery))
            shares(tariffs, result, f"{lot}: decimals", "decimals")
            shares(tariffs, result, f"{lot}: calls", "calls")
            shares(tariffs, result, f"{lot}: increment", "increment")
        chance = random.Random(seed + 6)
        countries = [plant(chance, number, (60, 5000)) for number in range(500)]
        delivery = Path(name) / "zones.csv"
        with delivery.open("w", encoding="utf-8") as file:
            file.write(HEADER + "\n")
            for country in countries:
                file.writelines(line + "\n" for line in country.lines())
        zones(countries, build(Path(name), delivery))


if __name__ == "__main__":
    main()
