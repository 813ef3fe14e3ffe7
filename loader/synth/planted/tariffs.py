"""Calls priced by known tariffs, with the rate card that they are judged by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from loader.synth.planted.calls import Calls, Case, key, moment

_UNIT = Decimal("0.0001")
RATE_CARD = (
    "application_key",
    "country",
    "currency",
    "valid_from",
    "rate_per_minute",
    "increment",
    "connection_fee",
    "rounding",
    "unit",
)


@dataclass(frozen=True)
class Tariff:
    """A price: billed by the `first`, then each `following` seconds, rounded to nearest, an exact half up."""

    application_key: str
    country: str
    valid_from: date
    rate_per_minute: Decimal
    first: int
    following: int
    connection_fee: Decimal = Decimal(0)

    def amount(self, seconds: int) -> Decimal:
        """The price of a call of so many seconds."""
        steps = max(0, -(-(seconds - self.first) // self.following))
        billed = self.first + steps * self.following
        cost = self.rate_per_minute * billed / 60 + self.connection_fee
        return cost.quantize(_UNIT, ROUND_HALF_UP)


def tariffs_until(end: date) -> list[Tariff]:
    """Two destinations, one with a new rate two days before the end, one with a connection fee."""
    application = key("tariffs")
    since = end - timedelta(days=1000)
    return [
        Tariff(application, "NZ", since, Decimal("0.0520"), 30, 6),
        Tariff(application, "NZ", end - timedelta(days=2), Decimal("0.0610"), 30, 6),
        Tariff(application, "IE", since, Decimal("0.0200"), 1, 1, Decimal("0.0100")),
    ]


def plant_tariffs(calls: Calls, tariffs: list[Tariff], days: int, end: date) -> Iterator[Case]:
    """Plant thirty calls a day and tariff: with one off its tariff, more than 95 % are still explained."""
    before, after, with_fee = tariffs
    application = before.application_key
    for back in range(days - 1, -1, -1):
        day = end - timedelta(days=back)
        for tariff in (after if day >= after.valid_from else before, with_fee):
            prefix = "+642155" if tariff.country == "NZ" else "+3538555"
            for number in range(30):
                talk = 5 + calls.draw(600)
                special = number == 0 and tariff is not with_fee
                amount = tariff.amount(talk)
                if special and back == 1:
                    amount = Decimal(0)
                if special and back == 0:
                    amount += Decimal("0.0500")
                call_id = calls.add(
                    application,
                    moment(day, 30_000 + 1_500 * number),
                    talk,
                    caller="+4930568001",
                    callee=f"{prefix}{10_000 + number:05d}",
                    country=tariff.country,
                    amount=amount,
                    user="planted-tariffs",
                )
                if special and back == 1:
                    yield Case("answered_not_charged", "call", call_id, day, [call_id])
                if special and back == 0:
                    yield Case("off_tariff", "call", call_id, day, [call_id])
                    yield Case("overcharge", "call", call_id, day, [call_id])
    yield Case("rate_change", "application", application, after.valid_from)
    yield Case("connection_fee", "application", application, end)
    yield Case("invoice_differs", "account", "EUR", end.replace(day=1))


def rate_card_row(tariff: Tariff) -> dict[str, str]:
    """A tariff as a line of the rate card."""
    return {
        "application_key": tariff.application_key,
        "country": tariff.country,
        "currency": "EUR",
        "valid_from": tariff.valid_from.isoformat(),
        "rate_per_minute": str(tariff.rate_per_minute),
        "increment": f"{tariff.first}/{tariff.following}",
        "connection_fee": str(tariff.connection_fee),
        "rounding": "nearest",
        "unit": str(_UNIT),
    }
