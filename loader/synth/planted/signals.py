"""Calls that a rule of mart_signals finds by their application, destination or user."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from loader.synth.planted.callers import plant_callers
from loader.synth.planted.calls import Calls, Case, german_number, history, key, moment


def plant_signals(calls: Calls, end: date) -> Iterator[Case]:
    """Add the calls of each rule, most on the last day, and name what the rules must find."""
    yield from _spend_spike(calls, end)
    yield from _new_destination(calls, end)
    yield from _irsf_like(calls, end)
    yield from _answer_ratio_drop(calls, end)
    yield from _fas_like(calls, end)
    yield from _off_hours_share(calls, end)
    yield from _toll_free_pumping(calls, end)
    yield from plant_callers(calls, end)


def _spend_spike(calls: Calls, end: date) -> Iterator[Case]:
    application, user = key("spend_spike"), "planted-spender"

    def plant(day: date, number: int, amount: str) -> list[str]:
        return [
            calls.add(
                application,
                moment(day, 33_000 + 1_000 * at),
                120,
                caller="+4930568002",
                callee=german_number(at),
                country="DE",
                amount=Decimal(amount),
                user=user,
            )
            for at in range(number)
        ]

    for day in history(end, 50):
        plant(day, 6, "0.3600")
    found = plant(end, 40, "1.5000")
    yield Case("spend_spike", "user", user, end, found)
    yield Case("spend_spike", "application", application, end, found)


def _quiet_days(calls: Calls, application: str, end: date, days: int) -> None:
    """Add a few calls a day, so that the application has a history."""
    for day in history(end, days):
        for at in range(4):
            calls.add(
                application,
                moment(day, 36_000 + 3_000 * at),
                90,
                caller="+4930568003",
                callee=german_number(500 + at),
                country="DE",
                amount=Decimal("0.0270"),
                user="planted-regular",
            )


def _new_destination(calls: Calls, end: date) -> Iterator[Case]:
    application = key("new_destination")
    _quiet_days(calls, application, end, 58)
    found = [
        calls.add(
            application,
            moment(end, 40_000 + 600 * at),
            300,
            caller="+4930568003",
            callee=f"+35191{2_000_000 + at:07d}",
            country="PT",
            amount=Decimal("1.2000"),
            user="planted-regular",
        )
        for at in range(8)
    ]
    yield Case("new_destination", "application_country", f"{application} > PT", end, found)
    yield Case("spend_spike", "application", application, end, found)
    yield Case("spend_spike", "user", "planted-regular", end, found)


def _irsf_like(calls: Calls, end: date) -> Iterator[Case]:
    application, user = key("irsf_like"), "planted-hijacked"
    _quiet_days(calls, application, end, 58)
    eve = end - timedelta(days=1)
    # From twenty minutes before midnight on, to premium numbers.
    found = [
        calls.add(
            application,
            moment(eve, 85_200 + 120 * at),
            600,
            caller="+4930568004",
            callee=f"+30901{1_000_000 + at:07d}",
            country="GR",
            amount=Decimal("9.0000"),
            user=user,
        )
        for at in range(24)
    ]
    # A window belongs to the day on which it ends.
    yield Case("irsf_like", "user", user, end, found)
    yield Case("irsf_like", "application", application, end, found)
    before_midnight, after_midnight = found[:10], found[10:]
    yield Case("new_destination", "application_country", f"{application} > GR", eve, before_midnight)
    yield Case("spend_spike", "application", application, eve, before_midnight)
    yield Case("spend_spike", "application", application, end, after_midnight)


def _answer_ratio_drop(calls: Calls, end: date) -> Iterator[Case]:
    application = key("answer_ratio_drop")

    def plant(day: date, answered: int) -> list[str]:
        return [
            calls.add(
                application,
                moment(day, 30_000 + 200 * at),
                60 if at % 10 < answered else None,
                caller=f"+4930568{100 + at % 40:03d}",
                callee=f"+3361{20_000_000 + at:08d}"[:12],
                country="FR",
                amount=Decimal("0.0240"),
                user=f"planted-{at % 20}",
            )
            for at in range(150)
        ]

    for day in history(end, 56, 7):
        plant(day, 7)
    yield Case("answer_ratio_drop", "application_country", f"{application} > FR", end, plant(end, 2))


def _fas_like(calls: Calls, end: date) -> Iterator[Case]:
    application = key("fas_like")

    def plant(day: date, fast: int) -> list[str]:
        return [
            calls.add(
                application,
                moment(day, 30_000 + 200 * at),
                120 if at % 5 else None,
                caller=f"+4930568{200 + at % 40:03d}",
                callee=f"+3549{100_000 + at:06d}",
                country="IS",
                amount=Decimal("0.1000"),
                user=f"planted-{at % 20}",
                delay=0.4 if at % 10 < fast else 7.5,
            )
            for at in range(150)
        ]

    for day in history(end, 12):
        plant(day, 0)
    yield Case("fas_like", "application_country", f"{application} > IS", end, plant(end, 5))


def _off_hours_share(calls: Calls, end: date) -> Iterator[Case]:
    application = key("off_hours_share")

    def plant(day: date, at_night: int) -> list[str]:
        return [
            calls.add(
                application,
                moment(day, (3_600 if at % 10 < at_night else 40_000) + 180 * at),
                100,
                caller="+4930568005",
                callee=german_number(900 + at),
                country="DE",
                amount=Decimal("0.0300"),
                user="planted-night",
            )
            for at in range(80)
        ]

    for day in history(end, 56, 7):
        plant(day, 0)
    yield Case("off_hours_share", "application", application, end, plant(end, 8))


def _toll_free_pumping(calls: Calls, end: date) -> Iterator[Case]:
    application, number = key("toll_free_pumping"), "+498005550001"

    def plant(day: date, many: int) -> list[str]:
        return [
            calls.add(
                application,
                moment(day, 28_000 + 200 * at),
                90,
                kind="phone_originated",
                caller=f"+49301{2_000_000 + at % 20:07d}",
                callee=number,
                amount=Decimal("0.0090"),
            )
            for at in range(many)
        ]

    for day in history(end, 40):
        plant(day, 6)
    found = plant(end, 220)
    # One unanswered call: a day without any would be a signal of its own.
    calls.add(
        application, moment(end, 80_000), None, kind="phone_originated", caller="+49301999", callee=number
    )
    yield Case("toll_free_pumping", "callee", number, end, found)
