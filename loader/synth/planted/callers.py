"""Calls that a rule of mart_signals finds by their caller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal

from loader.synth.planted.calls import Calls, Case, german_number, key, moment


def plant_callers(calls: Calls, end: date) -> Iterator[Case]:
    """Plant one caller for each rule, on the last day."""

    def plant(
        name: str, caller: str, starts: Iterable[datetime], talks: list[int | None], callees: int
    ) -> list[str]:
        return [
            calls.add(
                key(name),
                start,
                talk,
                caller=caller,
                callee=german_number(10_000 + at % callees),
                country="DE",
                amount=Decimal("0.0050") if talk else Decimal(0),
                user=f"planted-{name}",
                reason="CALLERHANGUP" if talk is None else "",
            )
            for at, (start, talk) in enumerate(zip(starts, talks, strict=True))
        ]

    def through_the_day(number: int) -> list[datetime]:
        return [moment(end, 30_000 + 250 * at) for at in range(number)]

    rings: list[int | None] = [1 if at % 3 == 0 else None for at in range(80)]
    found = plant("wangiri_like", "+4930568011", through_the_day(80), rings, 80)
    yield Case("wangiri_like", "caller", "+4930568011", end, found)
    yield from _short_calls("wangiri_like", "+4930568011", end, found)
    # Ten minutes around midnight before the last day, to one number.
    midnight = [moment(end, -300 + 45 * at) for at in range(14)]
    yield Case(
        "targeted_pumping",
        "caller_callee",
        f"+4930568012 > {german_number(10_000)}",
        end,
        plant("targeted_pumping", "+4930568012", midnight, [20] * 14, 1),
    )
    yield Case(
        "dialer_like",
        "caller",
        "+4930568013",
        end,
        plant("dialer_like", "+4930568013", through_the_day(130), [15 + at % 30 for at in range(130)], 130),
    )
    yield Case(
        "low_trust_number",
        "caller",
        "+4930568014",
        end,
        plant(
            "low_trust_number",
            "+4930568014",
            through_the_day(70),
            [8 if at % 2 else 90 for at in range(70)],
            70,
        ),
    )
    short: list[int | None] = [4 if at % 2 else 90 for at in range(60)]
    found = plant("short_call_burst", "+4930568015", through_the_day(60), short, 60)
    yield from _short_calls("short_call_burst", "+4930568015", end, found)
    yield Case("low_trust_number", "caller", "+4930568015", end, found)
    busy = [moment(end, 28_000 + 200 * at) for at in range(230)]
    found = plant("no_failures", "+4930568016", busy, [80] * 230, 230)
    yield Case("no_failures", "application", key("no_failures"), end, found)


def _short_calls(name: str, caller: str, end: date, found: list[str]) -> Iterator[Case]:
    yield Case("short_call_burst", "caller", caller, end, found)
    yield Case("short_call_burst", "application_country", f"{key(name)} > DE", end, found)
