"""Planted cases: calls of which it is known what the marts must find, beside a clean delivery.

Each case has an application of its own, so that clean traffic neither hides nor joins it. What is planted is
listed in planted.json; the rate card and the invoices that the cases are judged by are CSV files for the
variables CDR_RATE_CARD and CDR_INVOICES.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from loader.feeds import KINDS

# Signals compare with weeks of history.
DAYS_FOR_SIGNALS = 60
# A tariff changes two days before the end.
DAYS_FOR_TARIFFS = 5

_UNIT = Decimal("0.0001")
_DAY_SECONDS = 86_400
_RATE_CARD = (
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
_INVOICES = ("invoice_month", "application_key", "currency", "invoice_amount")
# What the newest month's invoice in euro has too much.
INVOICE_ERROR = Decimal("12.34")


@dataclass(frozen=True)
class Tariff:
    """A price: billed by `first`, then each `following` seconds, rounded to nearest, an exact half up."""

    application_key: str
    country: str
    valid_from: date
    rate_per_minute: Decimal
    first: int
    following: int
    connection_fee: Decimal = Decimal(0)

    def amount(self, seconds: int) -> Decimal:
        """What a call of so many seconds costs."""
        steps = max(0, -(-(seconds - self.first) // self.following))
        billed = self.first + steps * self.following
        cost = self.rate_per_minute * billed / 60 + self.connection_fee
        return cost.quantize(_UNIT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Case:
    """One thing to be found: the rule that finds it, on which day, of whom, from which calls.

    Signals are named as mart_signals names them. Calls that more than one rule finds are in a case for each.
    """

    rule: str
    entity_type: str
    entity: str
    day: date
    call_ids: list[str] = field(default_factory=list)


class _Calls:
    """Collects records by kind and day of their file."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._number = 0
        self.by_file: dict[tuple[str, date], list[dict[str, str]]] = defaultdict(list)

    def draw(self, limit: int) -> int:
        """A whole number below the limit, the same for the same seed and place."""
        digest = hashlib.md5(f"{self._seed}/planted/{self._number}".encode()).digest()
        return int.from_bytes(digest[:6]) % limit

    def add(
        self,
        application: str,
        start: datetime,
        talk: int | None,
        *,
        kind: str = "phone_terminated",
        caller: str,
        callee: str,
        country: str = "",
        amount: Decimal = Decimal(0),
        user: str = "",
        reason: str = "",
        delay: float = 6.0,
    ) -> str:
        """Adds a call, answered where it has a talk time, and returns its id."""
        self._number += 1
        call_id = hashlib.md5(f"{self._seed}/planted/call/{self._number}".encode()).hexdigest()
        answered = start + timedelta(seconds=delay)
        ended = answered + timedelta(seconds=talk or 0)
        fields = {
            "CallId": call_id,
            "UserSpaceId": "10499",
            "CallTime": _time(start),
            "Result": "NOANSWER" if talk is None else "ANSWERED",
            "Reason": reason or ("TIMEOUT" if talk is None else "CALLEEHANGUP"),
            "Duration": str(talk or 0),
            "AnswerTime": "" if talk is None else _time(answered),
            "From": caller,
            "To": callee,
            "Amount": f"{amount:.4f}" if talk is not None else "0.0000",
            "Currency": "EUR",
            "ApplicationKey": application,
            "UserId": user,
            "ToCountryId": country,
        }
        self.by_file[kind, ended.date()].append(fields)
        return call_id


def write(out: Path, days: int, seed: int, end: date) -> list[Path]:
    """Adds the planted deliveries, `seeds/` and planted.json to those in `out`; returns the deliveries.

    Tariffs need five days, signals sixty; with fewer days they are left out.
    """
    calls = _Calls(seed)
    cases: list[Case] = []
    tariffs: list[Tariff] = []
    if days >= DAYS_FOR_TARIFFS:
        tariffs = _tariffs(end)
        cases += _plant_tariffs(calls, tariffs, days, end)
    if days >= DAYS_FOR_SIGNALS:
        cases += _plant_signals(calls, end)
    paths = []
    first = end - timedelta(days=days - 1)
    in_order = sorted(calls.by_file.items(), key=lambda item: (item[0][1], item[0][0]))
    for (kind, day), records in in_order:
        if first <= day <= end:
            path = out / "planted" / f"cdr_{kind}_{day}_planted.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_csv(path, KINDS[kind], records, ";")
            paths.append(path)
    folder = out / "seeds"
    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(folder / "rate_card.csv", _RATE_CARD, map(_rate_card_row, tariffs), ",")
    _write_csv(folder / "invoices.csv", _INVOICES, _invoices(out, end), ",")
    listed = [asdict(case) | {"day": case.day.isoformat()} for case in cases]
    (out / "planted.json").write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
    return paths


def _key(name: str) -> str:
    """An application's key, a GUID, from the case's name."""
    digest = hashlib.md5(f"planted/{name}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:]}"


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds") + "Z"


def _at(day: date, seconds: float) -> datetime:
    return datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001


def _tariffs(end: date) -> list[Tariff]:
    application = _key("tariffs")
    since = end - timedelta(days=1000)
    return [
        Tariff(application, "NZ", since, Decimal("0.0520"), 30, 6),
        Tariff(application, "NZ", end - timedelta(days=2), Decimal("0.0610"), 30, 6),
        Tariff(application, "IE", since, Decimal("0.0200"), 1, 1, Decimal("0.0100")),
    ]


def _plant_tariffs(calls: _Calls, tariffs: list[Tariff], days: int, end: date) -> Iterator[Case]:
    """Thirty calls a day and tariff, so that one that is off it leaves more than 95 % explained."""
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
                    _at(day, 30_000 + 1_500 * number),
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


def _plant_signals(calls: _Calls, end: date) -> Iterator[Case]:
    yield from _spend_spike(calls, end)
    yield from _new_destination(calls, end)
    yield from _irsf_like(calls, end)
    yield from _answer_ratio_drop(calls, end)
    yield from _fas_like(calls, end)
    yield from _off_hours_share(calls, end)
    yield from _toll_free_pumping(calls, end)
    yield from _callers(calls, end)


def _history(end: date, days: int, step: int = 1) -> Iterator[date]:
    """The days before the last one, oldest first."""
    for back in range(days, 0, -step):
        yield end - timedelta(days=back)


def _germany(number: int) -> str:
    return f"+491511{2_000_000 + number:07d}"


def _spend_spike(calls: _Calls, end: date) -> Iterator[Case]:
    application, user = _key("spend_spike"), "planted-spender"

    def plant(day: date, number: int, amount: str) -> list[str]:
        return [
            calls.add(
                application,
                _at(day, 33_000 + 1_000 * at),
                120,
                caller="+4930568002",
                callee=_germany(at),
                country="DE",
                amount=Decimal(amount),
                user=user,
            )
            for at in range(number)
        ]

    for day in _history(end, 50):
        plant(day, 6, "0.3600")
    found = plant(end, 40, "1.5000")
    yield Case("spend_spike", "user", user, end, found)
    yield Case("spend_spike", "application", application, end, found)


def _quiet_days(calls: _Calls, application: str, end: date, days: int) -> None:
    """A little traffic a day, so that the application has a history."""
    for day in _history(end, days):
        for at in range(4):
            calls.add(
                application,
                _at(day, 36_000 + 3_000 * at),
                90,
                caller="+4930568003",
                callee=_germany(500 + at),
                country="DE",
                amount=Decimal("0.0270"),
                user="planted-regular",
            )


def _new_destination(calls: _Calls, end: date) -> Iterator[Case]:
    application = _key("new_destination")
    _quiet_days(calls, application, end, 58)
    found = [
        calls.add(
            application,
            _at(end, 40_000 + 600 * at),
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


def _irsf_like(calls: _Calls, end: date) -> Iterator[Case]:
    application, user = _key("irsf_like"), "planted-hijacked"
    _quiet_days(calls, application, end, 58)
    eve = end - timedelta(days=1)
    # From twenty minutes before midnight on, to premium numbers.
    found = [
        calls.add(
            application,
            _at(eve, 85_200 + 120 * at),
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


def _answer_ratio_drop(calls: _Calls, end: date) -> Iterator[Case]:
    application = _key("answer_ratio_drop")

    def plant(day: date, answered: int) -> list[str]:
        return [
            calls.add(
                application,
                _at(day, 30_000 + 200 * at),
                60 if at % 10 < answered else None,
                caller=f"+4930568{100 + at % 40:03d}",
                callee=f"+3361{20_000_000 + at:08d}"[:12],
                country="FR",
                amount=Decimal("0.0240"),
                user=f"planted-{at % 20}",
            )
            for at in range(150)
        ]

    for day in _history(end, 56, 7):
        plant(day, 7)
    yield Case("answer_ratio_drop", "application_country", f"{application} > FR", end, plant(end, 2))


def _fas_like(calls: _Calls, end: date) -> Iterator[Case]:
    application = _key("fas_like")

    def plant(day: date, fast: int) -> list[str]:
        return [
            calls.add(
                application,
                _at(day, 30_000 + 200 * at),
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

    for day in _history(end, 12):
        plant(day, 0)
    yield Case("fas_like", "application_country", f"{application} > IS", end, plant(end, 5))


def _off_hours_share(calls: _Calls, end: date) -> Iterator[Case]:
    application = _key("off_hours_share")

    def plant(day: date, at_night: int) -> list[str]:
        return [
            calls.add(
                application,
                _at(day, (3_600 if at % 10 < at_night else 40_000) + 180 * at),
                100,
                caller="+4930568005",
                callee=_germany(900 + at),
                country="DE",
                amount=Decimal("0.0300"),
                user="planted-night",
            )
            for at in range(80)
        ]

    for day in _history(end, 56, 7):
        plant(day, 0)
    yield Case("off_hours_share", "application", application, end, plant(end, 8))


def _toll_free_pumping(calls: _Calls, end: date) -> Iterator[Case]:
    application, number = _key("toll_free_pumping"), "+498005550001"

    def plant(day: date, many: int) -> list[str]:
        return [
            calls.add(
                application,
                _at(day, 28_000 + 200 * at),
                90,
                kind="phone_originated",
                caller=f"+49301{2_000_000 + at % 20:07d}",
                callee=number,
                amount=Decimal("0.0090"),
            )
            for at in range(many)
        ]

    for day in _history(end, 40):
        plant(day, 6)
    found = plant(end, 220)
    # One that nobody answers: a day without any would be a signal of its own.
    calls.add(application, _at(end, 80_000), None, kind="phone_originated", caller="+49301999", callee=number)
    yield Case("toll_free_pumping", "callee", number, end, found)


def _callers(calls: _Calls, end: date) -> Iterator[Case]:
    """One caller a rule, each on the last day."""

    def plant(
        name: str, caller: str, starts: Iterable[datetime], talks: list[int | None], callees: int
    ) -> list[str]:
        return [
            calls.add(
                _key(name),
                start,
                talk,
                caller=caller,
                callee=_germany(10_000 + at % callees),
                country="DE",
                amount=Decimal("0.0050") if talk else Decimal(0),
                user=f"planted-{name}",
                reason="CALLERHANGUP" if talk is None else "",
            )
            for at, (start, talk) in enumerate(zip(starts, talks, strict=True))
        ]

    def through_the_day(number: int) -> list[datetime]:
        return [_at(end, 30_000 + 250 * at) for at in range(number)]

    rings: list[int | None] = [1 if at % 3 == 0 else None for at in range(80)]
    found = plant("wangiri_like", "+4930568011", through_the_day(80), rings, 80)
    yield Case("wangiri_like", "caller", "+4930568011", end, found)
    yield from _short_calls("wangiri_like", "+4930568011", end, found)
    # Ten minutes around midnight before the last day, to one number.
    midnight = [_at(end, -300 + 45 * at) for at in range(14)]
    yield Case(
        "targeted_pumping",
        "caller_callee",
        f"+4930568012 > {_germany(10_000)}",
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
    yield Case(
        "no_failures",
        "application",
        _key("no_failures"),
        end,
        plant(
            "no_failures", "+4930568016", [_at(end, 28_000 + 200 * at) for at in range(230)], [80] * 230, 230
        ),
    )


def _short_calls(name: str, caller: str, end: date, found: list[str]) -> Iterator[Case]:
    yield Case("short_call_burst", "caller", caller, end, found)
    yield Case("short_call_burst", "application_country", f"{_key(name)} > DE", end, found)


def _rate_card_row(tariff: Tariff) -> dict[str, str]:
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


def _invoices(out: Path, end: date) -> Iterator[dict[str, str]]:
    """A line of the account for each month and currency: what the files hold, but for one error."""
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for folder in (out, out / "planted"):
        for kind in ("phone_terminated", "phone_originated"):
            for path in sorted(folder.glob(f"cdr_{kind}_*.csv")):
                with path.open(encoding="utf-8", newline="") as file:
                    for record in csv.DictReader(file, delimiter=";"):
                        if record["Amount"]:
                            totals[record["CallTime"][:7], record["Currency"]] += Decimal(record["Amount"])
    for (month, currency), total in sorted(totals.items()):
        differs = currency == "EUR" and month == f"{end:%Y-%m}"
        yield {
            "invoice_month": f"{month}-01",
            "application_key": "",
            "currency": currency,
            "invoice_amount": str(total + (INVOICE_ERROR if differs else 0)),
        }


def _write_csv(path: Path, columns: Iterable[str], rows: Iterable[dict[str, str]], delimiter: str) -> None:
    names = list(columns)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(
            file, names, restval="", extrasaction="ignore", delimiter=delimiter, lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)
