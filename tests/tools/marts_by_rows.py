"""Marts made of rows, for queries that people copy from the pages: several currencies, one without a rate,
applications without a name or a key, days without a row, and nulls.
"""

import random
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from math import floor
from typing import Any

import duckdb
import yaml
from harness import REPOSITORY

Row = dict[str, Any]
Rows = list[Row]
Answer = list[tuple[Any, ...]]
TYPES = {"string": "varchar", "datetime": "timestamp"}
FIRST = date(2026, 11, 2)
# A week without a call lies between.
DAYS = [FIRST + timedelta(days=days) for days in (0, 1, 2, 4, 6, 14, 15, 18)]
KINDS = ["phone_terminated", "phone_originated", "app_app", "sip_terminated"]
NAMES = {"app-a": "Alpha", "app-b": "Beta", "app-c": None, "app-d": None}
APPLICATIONS = [*NAMES, None]
RATES = {"EUR": Decimal(1), "USD": Decimal("0.9"), "SEK": Decimal("0.09"), "JPY": None, None: None}
COUNTRIES = {"SE": "Sweden", "US": "United States", "NO": "Norway"}
DESTINATIONS = [*COUNTRIES, "XX", None]
USERS = ["u1", "u2", "u3", None]


def columns() -> dict[str, dict[str, str]]:
    """The types of every mart's columns, by their contracts."""
    found = {}
    for page in (REPOSITORY / "models" / "marts").rglob("_*__models.yml"):
        for model in yaml.safe_load(page.read_text())["models"]:
            found[model["name"]] = {
                column["name"]: TYPES.get(column["data_type"], column["data_type"])
                for column in model["columns"]
                if "data_type" in column
            }
    return found


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """A database in memory with the marts; what a row does not name is null."""
    opened = duckdb.connect()
    opened.execute("create schema marts")
    types = columns()
    for name, rows in marts().items():
        declared = types[name]
        listed = ", ".join(f"{key} {kind}" for key, kind in declared.items())
        opened.execute(f"create table marts.{name} ({listed})")
        assert {key for row in rows for key in row} <= set(declared), name
        opened.execute(
            f"insert into marts.{name} select unnest(?::struct({listed})[], recursive := true)",
            [[{key: row.get(key) for key in declared} for row in rows]],
        )
    return opened


def total(values: Iterable[Any]) -> Any:
    """The sum of what is known; None of nothing."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def summed(rows: Rows, column: str) -> Any:
    """The sum of a column where it is known; None of nothing."""
    return total(row.get(column) for row in rows)


def ratio(numerator: Any, denominator: Any) -> Any:
    """A quotient; None where there is nothing to divide by."""
    return float(numerator) / float(denominator) if numerator is not None and denominator else None


def rounded(value: Any, digits: int) -> Any:
    """A number as SQL rounds it, a half up; None stays."""
    return None if value is None else floor(float(value) * 10**digits + 0.5) / 10**digits


def lines_needed(erlangs: float) -> int:
    """The lines that lose 1 % of a traffic, by the recursion of ITU-T E.501 (Erlang B)."""
    lines, loss = 0, 1.0
    while loss > 0.01:
        lines += 1
        loss = erlangs * loss / (lines + erlangs * loss)
    return lines


def groups(rows: Iterable[Row], *keys: str | Callable[[Row], Any]) -> dict[tuple[Any, ...], Rows]:
    """The rows by their values of the keys, of columns or computed."""
    found: dict[tuple[Any, ...], Rows] = {}
    for row in rows:
        key = tuple(key(row) if callable(key) else row.get(key) for key in keys)
        found.setdefault(key, []).append(row)
    return found


def order(*keys: Any) -> tuple[Any, ...]:
    """A key to sort by, nulls last; numbers to be sorted downwards come negated, see `down`."""
    return tuple((key is None, 0 if key is None else key) for key in keys)


def down(value: Any) -> Any:
    """A number, to be sorted downwards."""
    return None if value is None else -value


def same(found: Answer, expected: Answer) -> None:
    """Require the same rows in the same order, numbers to the ninth digit."""

    def plain(rows: Answer) -> list[list[Any]]:
        return [
            [round(float(value), 9) if isinstance(value, int | float | Decimal) else value for value in row]
            for row in rows
        ]

    assert found
    assert plain(found) == plain(expected)


@cache
def marts() -> dict[str, Rows]:
    """The marts that the pages ask."""
    chance = random.Random(34)
    made: dict[str, Rows] = {
        "dim_applications": [
            {"application_key": key, "application_name": name, "is_known": name is not None}
            for key, name in NAMES.items()
        ],
        "dim_countries": [{"country_code": key, "country_name": name} for key, name in COUNTRIES.items()],
    }
    for make in (_calls, _cost, _spend, _invoices, _rates, _overcharges, _exceptions, _quality, _failures):
        made |= make(chance)
    for make in (
        _numbers,
        _traffic,
        _signals,
        _feed,
        _conflicts,
        _rerated,
        _custom,
        _restatements,
        _roles,
        _months,
    ):
        made |= make(chance)
    late = {"report_date": DAYS[-1], "destination_country": "DE"}
    made["mart_cost_daily"] += [{**made["mart_cost_daily"][number], **late} for number in (0, 30)]
    return made


def _money(chance: random.Random, currency: str | None) -> Row:
    amount = None if chance.random() < 0.2 else Decimal(chance.randrange(-50, 9000)) / 1000
    rate = RATES[currency]
    converted = None if amount is None or rate is None else amount * rate
    return {"amount": amount, "amount_reporting": converted, "currency": currency}


def _of_application(chance: random.Random, application: str | None) -> str | None:
    """A currency; one application has none that can be converted."""
    return "JPY" if application == "app-d" else chance.choice(list(RATES))


def _calls(chance: random.Random) -> dict[str, Rows]:
    rows = []
    for number in range(400):
        day = chance.choice(DAYS)
        called_at = datetime.combine(day, time(chance.randrange(24), chance.randrange(60)))
        answered = chance.random() < 0.6
        application = chance.choice(APPLICATIONS)
        rows.append(
            {
                "call_key": f"call-{number}",
                "call_type": chance.choice(KINDS),
                "application_key": application,
                "user_id": chance.choice(USERS),
                "caller": chance.choice(["46701234567", "private", None]),
                "callee": chance.choice(["4790000001", "bob", None]),
                "callee_e164": chance.choice(["+4790000001", None]),
                "number_type": chance.choice(["mobile", "premium", None]),
                "origin_country": chance.choice(DESTINATIONS),
                "destination_country": chance.choice([*DESTINATIONS, "DE", "DE"]),
                "is_answered": answered,
                "is_seizure": answered or chance.random() < 0.5,
                "duration_seconds": chance.choice([None, 0, number]) if answered else 0,
                "called_at": called_at,
                "called_at_local": called_at + timedelta(hours=2),
                "called_at_destination": called_at - timedelta(hours=5) if number % 3 else None,
                "report_date": day,
                "file_date": day,
                "days_late": chance.choice([-1, 0, 0, 1, 3]),
                **_money(chance, _of_application(chance, application)),
            }
        )
    return {"fact_calls": rows}


def _cost(chance: random.Random) -> dict[str, Rows]:
    rows = []
    for day, kind, application, country in product(DAYS, KINDS, APPLICATIONS, DESTINATIONS):
        if chance.random() < 0.5:
            continue
        money = _money(chance, _of_application(chance, application))
        unconverted = money["amount"] is not None and money["amount_reporting"] is None
        calls = chance.randrange(1, 20)
        seconds = chance.choice([0, chance.randrange(1, 5000)])
        rows.append(
            {
                "report_date": day,
                "call_type": kind,
                "application_key": application,
                "destination_country": country,
                "calls": calls,
                "answers": chance.randrange(calls + 1),
                "charged_calls": calls if (money["amount"] or 0) > 0 else 0,
                "charged_amount": money["amount"] if seconds and (money["amount"] or 0) > 0 else None,
                "charged_seconds": seconds if (money["amount"] or 0) > 0 else 0,
                "minutes": calls / 2,
                "unconverted_calls": calls if unconverted else 0,
                **money,
            }
        )
    return {"mart_cost_daily": rows}


def _spend(chance: random.Random) -> dict[str, Rows]:
    rows = []
    for day, application, user in product(DAYS, APPLICATIONS, USERS):
        money = _money(chance, _of_application(chance, application))
        # Many users spend the same.
        amount = None if money["amount"] is None else Decimal(int(money["amount"]))
        share = ratio(amount, 12)
        key = {"report_date": day, "application_key": application, "user_id": user}
        rows.append(
            {
                **key,
                "currency": money["currency"],
                "calls": chance.randrange(1, 9),
                "amount": amount,
                "share_of_application": share,
            }
        )
    return {"mart_user_spend_daily": rows}


def _invoices(chance: random.Random) -> dict[str, Rows]:
    rows = []
    for month, currency in product((date(2026, 10, 1), date(2026, 11, 1)), RATES):
        scopes = [("account", None), *[("application", key) for key in APPLICATIONS if chance.random() < 0.5]]
        for scope, application in scopes:
            amount, invoiced = (_money(chance, currency)["amount"] for _ in range(2))
            known = amount is not None and invoiced is not None
            rows.append(
                {
                    "month": month,
                    "scope": scope,
                    "application_key": application,
                    "currency": currency,
                    "calls": chance.randrange(90),
                    "cdr_amount": amount,
                    "invoice_amount": invoiced,
                    "variance": amount - invoiced if known else None,
                    "missing_feed_days": chance.randrange(3),
                    "verdict": "differs" if known else "no_invoice",
                }
            )
    return {"mart_invoice_reconciliation": rows}


def _rates(chance: random.Random) -> dict[str, Rows]:
    rows = []
    changes = [
        (None, None),
        (None, 0.0),
        ("rate", 19.2307),
        ("fee", None),
        ("increment", -24.16),
        ("rounding", 0.0),
    ]
    for kind, application, country in product(KINDS[:2], APPLICATIONS, DESTINATIONS):
        changed, change = chance.choice(changes)
        rows.append(
            {
                "call_type": kind,
                "application_key": application,
                "destination_country": country,
                "zone": chance.choice([None, "mobile"]),
                "currency": chance.choice(["EUR", "USD", "JPY"]),
                "valid_from": chance.choice(DAYS),
                "rate_per_minute": None if changed is None else Decimal("0.05"),
                "previous_rate_per_minute": None if changed is None else Decimal("0.04"),
                "increment": chance.choice(["60/60", "1/1", "ambiguous"]),
                "changed": changed,
                "change_pct": change,
                "rounding_overhead_pct": 10.0 + len(rows),
            }
        )
    return {"mart_rate_history": rows}


def _overcharges(chance: random.Random) -> dict[str, Rows]:
    rows = [
        {
            "call_key": f"call-{number}",
            "report_date": chance.choice(DAYS),
            "destination_country": chance.choice([*COUNTRIES, "XX"]),
            "duration_seconds": chance.choice([None, 61]),
            "amount": Decimal(5),
            "expected_amount": Decimal(5) - Decimal(cents := chance.randrange(1, 30)) / 100,
            "overcharge": Decimal(cents) / 100,
            "currency": chance.choice(["EUR", "USD", "JPY"]),
        }
        for number in range(0, 400, 3)
    ]
    return {"mart_overcharges": rows}


def _rerated(chance: random.Random) -> dict[str, Rows]:
    keys = list(product(["EUR", "USD"], APPLICATIONS, [*DESTINATIONS, "DE"]))
    months, gaps = [], []
    for currency, application, country in keys:
        key = {"application_key": application, "destination_country": country, "currency": currency}
        unpriced = chance.randrange(3)
        for month in (date(2026, 10, 1), date(2026, 11, 1)):
            amount = Decimal(chance.randrange(1, 900000)) / 1000 if unpriced else None
            months.append({**key, "month": month, "unpriced_calls": unpriced, "unpriced_amount": amount})
        if chance.random() < 0.3:
            gaps.append(
                {
                    **key,
                    "zone": chance.choice([None, "mobile"]),
                    "calls": chance.randrange(5, 90),
                    "amount": Decimal(chance.randrange(1, 900000)) / 1000,
                    "rate_per_minute": Decimal("0.02"),
                }
            )
    return {"mart_rerating_monthly": months, "mart_rate_card_gaps": gaps}


def _exceptions(chance: random.Random) -> dict[str, Rows]:
    rows = [
        {
            "rule": chance.choice(["negative_amount", "amount_without_currency"]),
            "report_date": chance.choice(DAYS),
            **{
                key: value
                for key, value in _money(chance, chance.choice(list(RATES))).items()
                if key != "amount_reporting"
            },
        }
        for _ in range(60)
    ]
    return {"mart_cost_exceptions": rows}


def _quality(chance: random.Random) -> dict[str, Rows]:
    rows = []
    for day, kind, application, country in product(DAYS, KINDS, APPLICATIONS, DESTINATIONS):
        if chance.random() < 0.5:
            continue
        # One application has no answers at all.
        answers = 0 if application == "app-c" else chance.randrange(5)
        seizures = answers + chance.randrange(3) * (application is not None)
        rows.append(
            {
                "report_date": day,
                "call_type": kind,
                "application_key": application,
                "destination_country": country,
                "bids": seizures + 1,
                "seizures": seizures,
                "answers": answers,
                "network_effective": answers,
                "timed_answers": chance.randrange(answers + 1),
                "talk_seconds": answers * 10,
                "drops": chance.randrange(answers + 1),
            }
        )
    return {"mart_quality_daily": rows}


def _custom(chance: random.Random) -> dict[str, Rows]:
    cost, quality = [], []
    for day, (key, value) in product(
        DAYS, [("campaign", "spring"), ("campaign", None), ("tier", "gold"), ("tier", None)]
    ):
        for currency, rate in RATES.items():
            calls = chance.randrange(1, 9)
            cost.append(
                {
                    "report_date": day,
                    "key": key,
                    "value": value,
                    "currency": currency,
                    "calls": calls,
                    "minutes": calls * 1.5,
                    "amount_reporting": None if rate is None else calls * rate,
                }
            )
        seizures = chance.randrange(9)
        quality.append(
            {
                "report_date": day,
                "key": key,
                "value": value,
                "seizures": seizures,
                "answers": chance.randrange(seizures + 1),
            }
        )
    return {"mart_cost_by_custom": cost, "mart_quality_by_custom": quality}


def _restatements(chance: random.Random) -> dict[str, Rows]:
    rows = []
    for day, application, currency in product(DAYS, APPLICATIONS, ("EUR", None)):
        calls, amount = chance.randrange(9), None
        for late in range(1, chance.randrange(1, 4)):
            after = None if currency is None else Decimal(chance.randrange(9))
            row = {"day": day, "application_key": application, "currency": currency}
            row |= {"calls_before": calls, "amount_before": amount, "amount": after}
            calls += 1
            row |= {"calls": calls, "changed_at": datetime.combine(day + timedelta(days=late), time(4))}
            amount = after
            rows.append(row)
    return {"mart_restatements": rows}


def _roles(chance: random.Random) -> dict[str, Rows]:
    endpoints, users = [], []
    for day, role, number in product(DAYS, ("caller", "callee"), range(7)):
        seizures = chance.randrange(9)
        answers = chance.randrange(seizures + 1)
        counts = {"bids": seizures + chance.randrange(3), "seizures": seizures, "answers": answers}
        key = {"report_date": day, "role": role}
        endpoints.append(
            {
                **key,
                **counts,
                "endpoint": f"pbx{number}" if number else None,
                "network_effective": chance.randrange(answers, seizures + 1),
                "network_failures": chance.randrange(4),
                "called_party_failures": chance.randrange(4),
            }
        )
        user = {"user_id": f"u{number}" if number else None, "distinct_counterparties": chance.randrange(9)}
        users.append({**key, **counts, **user})
    return {"mart_endpoint_daily": endpoints, "mart_user_daily": users}


def _months(chance: random.Random) -> dict[str, Rows]:
    rows = []
    for month, application, currency in product((10, 11), APPLICATIONS, ("EUR", "SEK", None)):
        amount = None if currency is None else Decimal(chance.randrange(900)) / 7
        rows.append(
            {
                "month": date(2026, month, 1),
                "application_key": application,
                "currency": currency,
                "calls": chance.randrange(99),
                "amount": None if amount is None else round(amount, 6),
                "previous_amount": None if month == 10 else Decimal(3),
                "amount_change_pct": chance.choice([None, 12.34567]),
                "daily_amount_change_pct": chance.choice([None, -7.6543]),
                "is_whole_month": month == 10,
            }
        )
    return {"mart_cost_monthly": rows}


def _failures(chance: random.Random) -> dict[str, Rows]:
    rows = [
        {
            "report_date": chance.choice(DAYS),
            "outcome": outcome,
            "outcome_side": side,
            "is_answered": outcome == "completed",
            "calls": chance.randrange(1, 9),
        }
        for outcome, side in [
            ("user_busy", "called_party"),
            ("no_credit", "commercial"),
            ("completed", "customer"),
        ]
        for _ in range(9)
    ]
    return {"mart_failure_reasons_daily": rows}


def _numbers(chance: random.Random) -> dict[str, Rows]:
    parties = [("+46701234567", None), ("+4790000001", None), (None, "bob"), (None, None)]
    rows = []
    for day, kind, role, (number, other) in product(DAYS, KINDS[:2], ("caller", "callee"), parties):
        counts = {key: chance.randrange(9) for key in ("bids", "answers", "distinct_counterparties")}
        key = {"report_date": day, "call_type": kind, "role": role, "number": number, "other_party": other}
        rows.append({**key, **counts, "talk_seconds": counts["answers"] * 30})
    return {"mart_number_daily": rows}


def _traffic(chance: random.Random) -> dict[str, Rows]:
    hours, busy = [], []
    # Calls of the day before the feed's first.
    for day, application in product([FIRST - timedelta(days=1), *DAYS], APPLICATIONS):
        midnight = datetime.combine(day, time())
        for hour, kind in product((8, 9, 17), KINDS):
            if chance.random() < 0.5:
                at = midnight + timedelta(hours=hour)
                erlangs = float(chance.randrange(9))
                hours.append(
                    {
                        "date": day,
                        "hour": at,
                        "scope": "call_type",
                        "call_type": kind,
                        "application_key": application,
                        "erlangs": erlangs,
                    }
                )
        for scope, key in (
            ("application", application),
            *([("account", None)] if application == "app-a" else []),
        ):
            at = midnight + timedelta(hours=chance.randrange(24))
            busy.append(
                {
                    "date": day,
                    "scope": scope,
                    "application_key": key,
                    "busy_hour": at,
                    "erlangs": float(chance.randrange(9)),
                    "peak_concurrent_calls": chance.randrange(1, 5),
                    "peak_at": at + timedelta(minutes=7),
                    "peak_occupied": chance.randrange(5, 9),
                    "lines_at_1pct": chance.randrange(1, 9),
                }
            )
    return {"mart_traffic_hourly": [*hours, *_wider(hours)], "mart_busy_hour": busy}


def _wider(hours: Rows) -> Rows:
    """The same hours by application and of the account, with peaks: what no sum over scopes may add."""
    rows: Rows = []
    for scope, keys in (("application", ("date", "hour", "application_key")), ("account", ("date", "hour"))):
        for key, members in groups(hours, *keys).items():
            peak = len(members) + key[0].day % 3
            rows.append(
                {
                    **dict(zip(keys, key, strict=True)),
                    "scope": scope,
                    "erlangs": summed(members, "erlangs"),
                    "peak_concurrent_calls": peak,
                    "peak_at": key[1] + timedelta(minutes=peak),
                }
            )
    return rows


def _signals(chance: random.Random) -> dict[str, Rows]:
    rows = []
    for rule, day, user in product(["spend_spike", "irsf_like"], DAYS, USERS[:3]):
        midnight = datetime.combine(day, time())
        rows.append(
            {
                "rule": rule,
                "signal_date": day,
                "severity": chance.choice(["info", "warn", "critical"]),
                "entity_type": "user",
                "entity": user,
                "application_key": chance.choice(APPLICATIONS),
                "observed": chance.random() * 9,
                "threshold": chance.random() * 9,
                "calls": chance.randrange(9),
                "amount_reporting": None if len(rows) == 22 else Decimal(len(rows) * 7 % 48),
                "first_at": midnight + timedelta(hours=6),
                "last_at": midnight + timedelta(hours=20),
            }
        )
    complete = [{"report_date": day, "is_complete": day != DAYS[-1]} for day in DAYS]
    return {"mart_signals": rows, "mart_report_dates": complete}


def _feed(chance: random.Random) -> dict[str, Rows]:
    days = [
        {
            "file_date": day,
            "call_type": kind,
            "status": chance.choice(["present", "present", "empty", "covered", "missing"]),
            "records": chance.randrange(9),
            "typical_records": chance.choice([None, 9.0]),
            "volume_ratio": chance.choice([None, 0.2, 0.5, 1.0]),
            "late_calls": chance.randrange(9),
        }
        for day, kind in product(DAYS, KINDS)
    ]
    days += [
        {"file_date": day, "call_type": "app_app", "status": "missing", "records": 0, "late_calls": 0}
        for day in (FIRST + timedelta(days=number) for number in range(19))
        if day not in DAYS
    ]
    rejected = [
        {"stage": stage, "reason_code": code, "file_name": chance.choice(["b.csv", "a.csv"])}
        for stage, code in (("load", "nul_byte"), ("load", "too_few_fields"), ("typing", "missing_call_id"))
        for _ in range(chance.randrange(1, 4))
    ]
    fields = [
        {
            "field": field,
            "call_type": kind,
            "records": chance.randrange(1, 9),
            "example_shape": chance.choice("9a"),
        }
        for field, kind, _ in product(("amount", "duration"), KINDS, range(2))
    ]
    return {
        "mart_feed_completeness": days,
        "rejected_records": rejected,
        "mart_feed_invalid_fields": fields,
    }


def _conflicts(chance: random.Random) -> dict[str, Rows]:
    rows = [
        {
            "file_date": chance.choice(DAYS),
            "call_key": f"call-{chance.randrange(400)}",
            "differing_fields": chance.choice(["amount", "currency", "reason,amount"]),
            "amount": chance.choice([None, Decimal(3), Decimal(3000)]),
            "winner_amount": chance.choice([None, Decimal(3), Decimal(3000)]),
            "currency": chance.choice(list(RATES)),
        }
        for _ in range(80)
    ]
    return {"call_conflicts": rows}
