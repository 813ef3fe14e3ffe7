"""Planted calls: collected by file, with the case that they are planted for."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal


@dataclass(frozen=True)
class Case:
    """One finding that the marts must have: the rule, the day, the entity and the calls.

    Signals are named as mart_signals names them. Calls that several rules find are in a case for each.
    """

    rule: str
    entity_type: str
    entity: str
    day: date
    call_ids: list[str] = field(default_factory=list)


class Calls:
    """Records by kind and day of their file."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._number = 0
        self.by_file: dict[tuple[str, date], list[dict[str, str]]] = defaultdict(list)

    def draw(self, limit: int) -> int:
        """Draw a number below the limit, the same for the same seed and number of calls before."""
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
        """Add a call, answered where it has a talk time, and return its id."""
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


def key(name: str) -> str:
    """An application's key, a GUID, from the case's name."""
    digest = hashlib.md5(f"planted/{name}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:]}"


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds") + "Z"


def moment(day: date, seconds: float) -> datetime:
    """The time so many seconds after a day began, which may be in another day."""
    return datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001


def history(end: date, days: int, step: int = 1) -> Iterator[date]:
    """The days before the last one, oldest first."""
    for back in range(days, 0, -step):
        yield end - timedelta(days=back)


def german_number(number: int) -> str:
    """A German mobile number."""
    return f"+491511{2_000_000 + number:07d}"
