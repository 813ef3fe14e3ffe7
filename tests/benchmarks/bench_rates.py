"""Count how often the inference of mart_rate_history is right, on a grid of known tariffs.

`make bench` runs it. Each tariff is an application of its own with one day of calls, whose amounts are
computed by the tariff with whole numbers; the deliveries are staged and built like any others. A tariff is
right where its increment is found, wrong where another one is. Nothing is asserted.
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
DAY = "2026-11-22"
LISTED = ("1/1", "6/6", "12/6", "20/5", "30/1", "30/6", "30/30", "60/1", "60/6", "60/60", "1/60")
UNLISTED = ("10/10", "15/15", "45/15", "5/5")
# In hundred-millionths of the currency.
RATES = (450_000, 1_800_000, 4_550_000, 12_340_000, 50_000_000, 115_000_000)
DECIMALS = (2, 3, 4, 6)
CALLS = (20, 60, 250, 1000)
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


if __name__ == "__main__":
    main()
