"""Synthetic deliveries: realistic call detail records of all four kinds, the same for the same arguments.

Each file is written by one DuckDB query that streams `range(n)` through arithmetic into `copy`: memory does
not grow with the number of calls. Chance comes from the MD5 of seed, kind, day and number of the call: no
engine random numbers, no engine hash, nothing that depends on threads. The tables that draws are looked up in
(quantiles, weighted slots, tariffs) are whole numbers made in Python and handed to the query as variables.

A file's day is the UTC day on which its calls ended. Calls that cross midnight, and app-to-app records that
were written late, therefore have their CallTime on an earlier day, as the vendor describes.

Telephone numbers follow the numbering plans but are drawn at random: do not dial them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from math import exp
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, TypeVar

from loader.feeds import KINDS
from loader.synth_data import (
    ANSWERED_OUTCOMES,
    ANSWERED_SHARE,
    APPLICATIONS,
    CAP_REASONS,
    CURRENCIES,
    CUSTOM_VALUES,
    INBOUND_RATES,
    MAX_TALK_SECONDS,
    STORIES,
    TEST_CALLS_PER_1024,
    UNANSWERED_OUTCOMES,
    WEEKDAY_HOURS,
    WEEKEND_HOURS,
    Story,
    destinations_on,
)

if TYPE_CHECKING:
    import duckdb

__all__ = ["APPLICATIONS", "DEFAULT_END", "STORIES", "Lot", "calls_of_kind", "records", "synthesise"]

DEFAULT_END = date(2026, 11, 22)

# Calls of each kind in a thousand. People call each other more at weekends, companies less.
_WEEKDAY_SPLIT = (600, 150, 150, 100)
_WEEKEND_SPLIT = (570, 120, 250, 60)

_Item = TypeVar("_Item")

# Random bits are cut from four 64-bit words (a, b, c, d) a call; every bit is used for one purpose:
#   a: moment in its slot 16, scatter 16, application 16, user 16
#   b: country 16, remote number 24, talk time 10, ringing time 10
#   c: answered 16, outcome 16, has Custom 8, which Custom 8, form of From 8, form of To 8
#   d: number in Custom 20, test number 10, delayed 12, microseconds 10, 7th digit of the second 8
_MACROS = """
create macro bits(word, first, width) as ((word >> first) & ((1::ubigint << width) - 1))::bigint;
create macro pick(choices, draw, width) as choices[1 + ((draw * len(choices)) >> width)];
create macro utc(milliseconds) as getvariable('day')::timestamp + to_milliseconds(milliseconds);
create macro padded(number, digits) as lpad((number % (10 ^ digits)::bigint)::varchar, digits::integer, '0');
"""

# What all kinds have in common: who calls whom, when, for how long, and how it ends.
_CALLS = """
with numbered as (
    select
        range as i,
        getvariable('lot') || range as draw
    from range(getvariable('calls'))
),

drawn as (
    select
        i,
        draw,
        md5_number_upper(draw || '/1') as a,
        md5_number_lower(draw || '/1') as b,
        md5_number_upper(draw || '/2') as c,
        md5_number_lower(draw || '/2') as d
    from numbered
),

-- the i-th of n calls ends in the i-th of n equal parts of the day's traffic: point is that part in 2^20ths
pointed as (
    select
        *,
        ((((i << 16) + bits(a, 0, 16)) << 4) // getvariable('calls'))::bigint as point
    from drawn
),

-- ... give or take a minute, for records are not written in the exact order of their ends
scattered as (
    select
        *,
        point >= getvariable('story').first_point
        and point < getvariable('story').last_point
        and i % getvariable('story').every = 0 as in_story,
        getvariable('quantiles')[1 + (point >> 10)]
        + (
            (getvariable('quantiles')[2 + (point >> 10)] - getvariable('quantiles')[1 + (point >> 10)])
            * (point & 1023) >> 10
        )
        + ((bits(a, 16, 16) * 120000) >> 16) - 60000 as scattered_ms
    from pointed
),

ended as (
    select
        *,
        -- reflected at midnight, so that every call ends on the file's day
        86399999 - abs(86399999 - abs(scattered_ms)) as end_ms
    from scattered
),

placed as (
    select
        *,
        case
            when in_story then getvariable('story').application
            else pick(
                getvariable('application_slots')[case
                    when getvariable('is_weekend') then 4
                    when end_ms < 25200000 or end_ms >= 82800000 then 3  -- night: 23:00 to 7:00
                    when end_ms >= 61200000 then 2  -- evening: from 17:00
                    else 1
                end],
                bits(a, 32, 16),
                16
            )
        end as application_number
    from ended
),

parties as (
    select
        *,
        getvariable('applications')[application_number] as application,
        getvariable('destinations')[case
            when in_story then getvariable('story').destination
            else pick(getvariable('destination_slots')[application_number], bits(b, 0, 16), 16)
        end] as destination,
        bits(b, 16, 24) % 40000 as remote_number
    from placed
),

tried as (
    select
        *,
        case
            when in_story then getvariable('story').user_number
            -- the square of a uniform draw: a few users call often
            else 1 + ((bits(a, 48, 16) * bits(a, 48, 16) * application.users) >> 32)
        end as user_number,
        bits(c, 0, 16) * 1000 >> 16 < case
            when in_story then getvariable('story').answered
            else coalesce(getvariable('answered'), destination.answered)
        end as is_answered,
        case
            when in_story then getvariable('story').talk_seconds
            else application.median_talk_seconds
        end as median_talk_seconds
    from parties
),

decided as (
    select
        *,
        case
            when is_answered then pick(getvariable('answered_slots'), bits(c, 16, 16), 16)
            else pick(getvariable('unanswered_slots'), bits(c, 16, 16), 16)
        end as outcome,
        case
            when is_answered
                then least(
                    getvariable('max_talk_seconds'),
                    greatest(
                        1, median_talk_seconds * getvariable('talk_quantiles')[1 + bits(b, 40, 10)] // 1000
                    )
                )
            else 0
        end as duration
    from tried
),

called as (
    select
        *,
        outcome.result as result,
        -- the cap ends a call, whatever the parties would have done
        case
            when duration = getvariable('max_talk_seconds') then getvariable('cap_reason')
            else outcome.reason
        end as reason,
        end_ms - 1000 * duration as talk_ms,
        case
            when is_answered then 9 * getvariable('ring_quantiles')[1 + bits(b, 52, 10)]
            when outcome.result = 'NOANSWER' then 25 * getvariable('ring_quantiles')[1 + bits(b, 52, 10)]
            else 2 * getvariable('ring_quantiles')[1 + bits(b, 52, 10)]
        end as ring_ms,
        replace(application.user_pattern, '#', lpad(user_number::varchar, 4, '0')) as user_id,
        destination.calling_code
        || destination.prefixes[1 + remote_number % len(destination.prefixes)]
        || case
            when bits(d, 20, 10) < getvariable('test_calls_per_1024') then padded(0, destination.digits)
            else padded(remote_number * 7368787 + 1299709, destination.digits)
        end as remote,
        application.inbound[1 + user_number % len(application.inbound)]
        || padded(user_number % 40 * 2711 + 389, application.inbound_digits) as own,
        case
            when bits(c, 32, 8) < 26
                then replace(
                    pick(getvariable('custom_values'), bits(c, 40, 8), 8), '#', bits(d, 0, 20)::varchar
                )
        end as custom
    from decided
)
"""

# Times to the millisecond; the charge is by the destination's increments. The ringing of an unanswered call
# is cut off at midnight, for only its CallTime tells when it ended.
_PHONE_TERMINATED = (
    _CALLS
    + """,

charged as (
    select
        *,
        case
            when not is_answered or bits(d, 20, 10) < getvariable('test_calls_per_1024') then 0
            else
                destination.rates[application.currency_number] * (
                    destination.first
                    + greatest(0, duration - destination.first + destination.following - 1)
                    // destination.following * destination.following
                ) // 60
        end as amount
    from called
)

select
    md5(draw)::uuid::varchar as "CallId",
    application.user_space_id as "UserSpaceId",
    strftime(
        utc(case when is_answered then talk_ms - ring_ms else greatest(0, end_ms - ring_ms) end),
        '%Y-%m-%dT%H:%M:%S.%gZ'
    ) as "CallTime",
    result as "Result",
    reason as "Reason",
    duration as "Duration",
    case when is_answered then strftime(utc(talk_ms), '%Y-%m-%dT%H:%M:%S.%gZ') end as "AnswerTime",
    case
        when bits(c, 48, 8) < 6 then 'private'
        when bits(c, 48, 8) < 10 then 'anonymous'
        when bits(c, 48, 8) < 22 then application.sender
        when bits(c, 48, 8) < 90 then own
        else '+' || own
    end as "From",
    case when bits(c, 56, 8) < 200 then '+' || remote else remote end as "To",
    amount * 0.0001::decimal(18, 4) as "Amount",
    application.currency as "Currency",
    custom as "Custom",
    application.guid as "ApplicationKey",
    user_id as "UserId",
    destination.country as "ToCountryId"
from charged
"""
)

# Times to the second; the charge is a flat price by the started minute.
_PHONE_ORIGINATED = (
    _CALLS
    + """
select
    md5(draw)::uuid::varchar || '_257' as "CallId",
    application.user_space_id as "UserSpaceId",
    strftime(
        utc(case when is_answered then talk_ms else greatest(0, end_ms - ring_ms) end), '%Y-%m-%dT%H:%M:%SZ'
    ) as "CallTime",
    result as "Result",
    reason as "Reason",
    duration as "Duration",
    case
        when bits(c, 48, 8) < 12 then 'private'
        when bits(c, 48, 8) < 18 then 'anonymous'
        when bits(c, 48, 8) < 21 then null
        when bits(c, 48, 8) < 24 then 'Reception <+' || remote || '>'
        when bits(c, 48, 8) < 100 then remote
        else '+' || remote
    end as "From",
    case when bits(c, 56, 8) < 230 then '+' || own else own end as "To",
    (duration + 59) // 60 * application.inbound_rate * 0.0001::decimal(18, 4) as "Amount",
    application.currency as "Currency",
    custom as "Custom",
    application.guid as "ApplicationKey"
from called
"""
)

# Times with seven digits after the second. One record in eighty is written a day late, and a few two days.
_APP_APP = (
    _CALLS
    + """,

delayed as (
    select
        *,
        case
            when bits(d, 30, 12) % 80 > 0 then 0
            when bits(d, 30, 12) % 640 > 0 then 1
            else 2
        end as days_late
    from called
)

select
    md5(draw) as "CallId",
    application.user_space_id as "UserSpaceId",
    strftime(
        utc(case when is_answered then talk_ms else greatest(0, end_ms - ring_ms) end)
        - to_days(days_late::integer)
        + to_microseconds((bits(d, 42, 10) * 1000) >> 10),
        '%Y-%m-%dT%H:%M:%S.%f'
    ) || (bits(d, 52, 8) % 10)::varchar || 'Z' as "CallTime",
    result as "Result",
    reason as "Reason",
    duration as "Duration",
    user_id as "FromUserId",
    replace(
        application.user_pattern, '#', lpad((1 + remote_number % application.users)::varchar, 4, '0')
    ) as "ToUserId",
    custom as "Custom",
    application.guid as "ApplicationKey"
from delayed
"""
)

# Times to the millisecond; an unanswered call has no Duration.
_SIP_TERMINATED = (
    _CALLS
    + """
select
    md5(draw) || '@192.0.2.' || (17 + bits(c, 56, 8) % 4)::varchar as "CallId",
    application.user_space_id as "UserSpaceId",
    strftime(
        utc(case when is_answered then talk_ms else greatest(0, end_ms - ring_ms) end),
        '%Y-%m-%dT%H:%M:%S.%gZ'
    ) as "CallTime",
    result as "Result",
    reason as "Reason",
    case when is_answered then duration end as "Duration",
    case
        when bits(c, 48, 8) < 12 then 'anonymous'
        when bits(c, 48, 8) < 140 then '+' || remote
        else 'sip:' || remote || '@192.0.2.' || (17 + bits(c, 56, 8) % 4)::varchar
    end as "From",
    case
        when bits(c, 56, 8) < 120 then 'sip:' || user_id || '@pbx.example.com'
        when bits(c, 56, 8) < 170 then 'sip:+' || own || '@trunk.example.net:5060'
        else 'sip:' || own || '@trunk.example.net'
    end as "To",
    custom as "Custom",
    application.guid as "ApplicationKey"
from called
"""
)

_QUERIES = {
    "phone_terminated": _PHONE_TERMINATED,
    "phone_originated": _PHONE_ORIGINATED,
    "app_app": _APP_APP,
    "sip_terminated": _SIP_TERMINATED,
}


@dataclass(frozen=True)
class Lot:
    """Calls of one kind that end on one day of a delivery. Two lots of different `name` share no call."""

    seed: int
    kind: str
    day: date
    end: date  # the delivery's last day: the stories are dated from it
    calls: int
    name: str = ""

    @property
    def is_weekend(self) -> bool:
        """Whether the day is a Saturday or a Sunday."""
        return self.day.weekday() >= 5


def synthesise(
    out: Path, days: int, calls_per_day: int, seed: int, warts: bool = False, end: date = DEFAULT_END
) -> list[Path]:
    """Writes a delivery of `days` days up to and including `end` into the folder `out`, made if missing.

    Returns the files in the order in which they are to be staged: `cdr_<kind>_<day>.csv` for each of the
    four kinds and each day, oldest first. `calls_per_day` is the number of calls that end on each day, of
    all kinds together. The same arguments give the same bytes, whatever the number of processors.

    With `warts`, a small file for every irregularity of the feed follows: `loader.synth_warts.WARTS` lists
    them. The clean files stay as they are.

    Raises ValueError where there are no days or a negative number of calls, OSError where a file cannot be
    written.
    """
    if days < 1:
        raise ValueError(f"days is {days}, but a delivery has at least one day")
    if calls_per_day < 0:
        raise ValueError(f"calls_per_day is {calls_per_day}, but there are no negative numbers of calls")
    out.mkdir(parents=True, exist_ok=True)
    lots = [
        Lot(seed, kind, day, end, calls)
        for day in (end - timedelta(days=back) for back in range(days - 1, -1, -1))
        for kind, calls in calls_of_kind(calls_per_day, day).items()
    ]
    # One single-threaded connection a file: files run side by side, none depends on the number of threads.
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        paths = list(pool.map(lambda lot: _write(lot, out), lots))
    if warts:
        from loader import synth_warts

        paths += synth_warts.write(out, days, seed, end)
    return paths


def calls_of_kind(calls_per_day: int, day: date) -> dict[str, int]:
    """How many of a day's calls are of which kind; the numbers add up to `calls_per_day`."""
    split = _WEEKEND_SPLIT if day.weekday() >= 5 else _WEEKDAY_SPLIT
    calls = {kind: calls_per_day * share // 1000 for kind, share in zip(KINDS, split, strict=True)}
    calls["phone_terminated"] += calls_per_day - sum(calls.values())
    return calls


def records(lot: Lot) -> tuple[list[str], list[list[str]]]:
    """Header and records of a lot as text, for small lots that are written by other means."""
    with _connect(lot) as connection:
        cursor = connection.execute(_QUERIES[lot.kind])
        header = [column[0] for column in cursor.description or []]
        return header, [["" if value is None else str(value) for value in row] for row in cursor.fetchall()]


def _write(lot: Lot, out: Path) -> Path:
    """Writes a lot as `cdr_<kind>_<day>.csv` and returns the path."""
    import duckdb

    path = out / f"cdr_{lot.kind}_{lot.day.isoformat()}.csv"
    target = "'" + str(path).replace("'", "''") + "'"
    with _connect(lot) as connection:
        try:
            connection.execute(
                f"copy ({_QUERIES[lot.kind]}) to {target} (format csv, delimiter ';', header true)"
            )
        except duckdb.IOException as error:
            raise OSError(errno.EIO, str(error).partition("\n")[0], str(path)) from error
    return path


def _connect(lot: Lot) -> duckdb.DuckDBPyConnection:
    """A connection of its own for a lot, with the macros and variables its query reads."""
    import duckdb

    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute(_MACROS)
    for name, value in _variables(lot).items():
        connection.execute(f"set variable {name} = $1", [value])
    return connection


def _variables(lot: Lot) -> dict[str, Any]:
    """Everything a lot's query looks up: its name and size, the day's profile, the tables of `synth_data`."""
    destinations = destinations_on(lot.day, lot.end)
    position = {place.country: number for number, place in enumerate(destinations, start=1)}
    kind_number = list(KINDS).index(lot.kind)
    return {
        "lot": f"{lot.seed}/{lot.kind}/{lot.day.isoformat()}/{lot.name}/",
        "calls": lot.calls,
        "day": lot.day,
        "is_weekend": lot.is_weekend,
        "quantiles": _day_quantiles(WEEKEND_HOURS if lot.is_weekend else WEEKDAY_HOURS),
        "story": _story_variable(lot, position),
        "application_slots": [
            _slots(
                {n: a.volume[kind_number] * a.rhythm[part] for n, a in enumerate(APPLICATIONS, start=1)}, 1000
            )
            for part in range(4)
        ],
        "destination_slots": [
            _slots({position[country]: weight for country, weight in application.destinations.items()}, 1000)
            for application in APPLICATIONS
        ],
        "applications": [
            {
                "guid": application.guid,
                "user_space_id": application.user_space_id,
                "currency": application.currency,
                "currency_number": 1 + CURRENCIES.index(application.currency),
                "inbound_rate": INBOUND_RATES[application.currency],
                "user_pattern": application.user_pattern,
                "users": application.users,
                "median_talk_seconds": application.median_talk_seconds,
                "sender": application.sender,
                "inbound": list(application.inbound),
                "inbound_digits": application.inbound_digits,
            }
            for application in APPLICATIONS
        ],
        "destinations": [
            {
                "country": place.country,
                "calling_code": place.calling_code,
                "prefixes": list(place.prefixes),
                "digits": place.digits,
                "rates": [place.rate_in(currency) for currency in CURRENCIES],
                "first": place.first,
                "following": place.following,
                "answered": place.answered,
            }
            for place in destinations
        ],
        "answered": ANSWERED_SHARE.get(lot.kind),
        "answered_slots": _outcome_slots(ANSWERED_OUTCOMES[lot.kind]),
        "unanswered_slots": _outcome_slots(UNANSWERED_OUTCOMES[lot.kind]),
        "talk_quantiles": _lognormal_quantiles(sigma=1.1),
        "ring_quantiles": _lognormal_quantiles(sigma=0.45),
        "max_talk_seconds": MAX_TALK_SECONDS,
        "cap_reason": CAP_REASONS[lot.kind],
        "test_calls_per_1024": TEST_CALLS_PER_1024,
        "custom_values": list(CUSTOM_VALUES),
    }


def _story_variable(lot: Lot, position: Mapping[str, int]) -> dict[str, int]:
    """The day's story with its part of the day in 2^20ths; without one, an empty part of the day."""
    story: Story | None = None
    if lot.kind == "phone_terminated":
        story = next((s for s in STORIES if lot.end - timedelta(days=s.days_before_end) == lot.day), None)
    first, last = story.between if story else (0, 0)
    return {
        "first_point": first * 2**20 // 1000,
        "last_point": last * 2**20 // 1000,
        "every": story.every if story else 1,
        "application": story.application + 1 if story else 1,
        "user_number": story.user if story else 1,
        "destination": position[story.country] if story else 1,
        "talk_seconds": story.talk_seconds if story else 1,
        "answered": story.answered if story else 0,
    }


def _slots(weights: Mapping[_Item, int], size: int) -> list[_Item]:
    """About `size` items in which each has its weight's share: a uniform draw from them is a weighted one."""
    total = sum(weights.values())
    return [item for item, weight in weights.items() for _ in range(-(-weight * size // total))]


def _outcome_slots(weights: Mapping[tuple[str, str], int]) -> list[dict[str, str]]:
    """Weighted (Result, Reason) pairs as structs."""
    return [{"result": result, "reason": reason} for result, reason in _slots(weights, 500)]


def _day_quantiles(hours: Sequence[int]) -> list[int]:
    """The milliseconds of the day at which 0, 1, ... 1024 of 1024 parts of its traffic are over."""
    total = sum(hours)
    quantiles = []
    hour, before = 0, 0
    for part in range(1025):
        reached = part * total  # in 1024ths of a unit of `hours`
        while hour < 23 and (before + hours[hour]) * 1024 <= reached:
            before += hours[hour]
            hour += 1
        quantiles.append(hour * 3_600_000 + (reached - before * 1024) * 3_600_000 // (hours[hour] * 1024))
    return quantiles


def _lognormal_quantiles(sigma: float) -> list[int]:
    """1024 quantiles of a log-normal distribution of median 1, in thousandths."""
    normal = NormalDist()
    return [round(1000 * exp(sigma * normal.inv_cdf((n + 0.5) / 1024))) for n in range(1024)]
