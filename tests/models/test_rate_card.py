"""The rate card: an oracle rates every call row by row; rules that a card must keep."""

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import pytest
from harness import Loader
from warehouse import Warehouse

COLUMNS = ["application_key", "country", "prefix", "number_type", "origin_prefix", "currency", "valid_from"]
PRICES = ["rate_per_minute", "increment", "connection_fee", "rounding", "unit"]
CALL = "CallId;UserSpaceId;CallTime;Result;Reason;Duration;AnswerTime;From;To;Amount;Currency;Custom"
OWN, OTHER = "6f1c2d9a-4b7e-4c35-9a58-0d2e7b61c4f3", "58a1d0e7-c64f-4b92-8d03-f7e2b95c3a60"
# By seed number_ranges: mobile, mobile, fixed, mobile, fixed.
CALLED = {
    "+4915112345678": "DE",
    "+4917012345678": "DE",
    "+493012345678": "DE",
    "+46701234567": "SE",
    "+4681234567": "SE",
}
TYPES = {"+49151": "mobile", "+49170": "mobile", "+4930": "fixed", "+4670": "mobile", "+468": "fixed"}
CALLERS = ["+46701230000", "+4681230000", "+4790123456", "private"]
FIRST = date(2026, 11, 27)
Row = dict[str, str]


def write_card(path: Path, rows: list[Row], columns: list[str]) -> None:
    path.write_text(
        "\n".join([",".join(columns), *(",".join(row[key] for key in columns) for row in rows)]) + "\n"
    )


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("card")
    return Warehouse(Loader(folder / "cdr.duckdb", folder), folder / "target")


def random_card(chance: random.Random) -> list[Row]:
    """Rows of every shape, own and shared, with several dates; some end a price."""
    rows: dict[tuple[str, ...], Row] = {}
    for _ in range(160):
        prefix = chance.choice(["", "", "4", "49", "4915", "4917", "491511", "4930", "46", "4670"])
        country = chance.choice(
            ["", "", "DE" if prefix[:2] != "46" else "SE", "SE" if prefix[:2] != "49" else "DE"]
        )
        kind = chance.choice(["", "", "", "", "mobile", "mobile", "fixed"])
        if kind == {"4930": "mobile", "4915": "fixed", "4917": "fixed", "4670": "fixed"}.get(prefix[:4]):
            kind = ""
        key = (
            chance.choice(["", "", OWN]),
            "" if prefix == "4" else country,
            prefix,
            kind,
            chance.choice(["", "", "", "46", "468", "47"]),
            chance.choice(["EUR", "EUR", "EUR", "USD"]),
            (FIRST + timedelta(days=chance.choice([-300, 1, 3, 5]))).isoformat(),
        )
        price = ["", "", "", "", ""]
        if chance.random() > 0.15:
            price = [
                str(chance.randrange(1, 3000) / 10000),
                chance.choice(["1/1", "60/60", "30/6", "1/60"]),
                chance.choice(["", "0.01"]),
                chance.choice(["", "up", "nearest"]),
                chance.choice(["0.0001", "0.01"]),
            ]
        rows[key] = dict(zip(COLUMNS + PRICES, [*key, *price], strict=True))
    return list(rows.values())


def random_calls(chance: random.Random) -> Iterator[Row]:
    for number in range(400):
        callee = chance.choice(list(CALLED))
        result = "ANSWERED" if chance.random() < 0.9 else "BUSY"
        yield {
            "id": f"call-{number}",
            "day": (FIRST + timedelta(days=chance.randrange(7))).isoformat(),
            "result": result,
            "seconds": str(chance.choice([0, 1, 30, 59, 60, 61, chance.randrange(600)])),
            "caller": chance.choice(CALLERS),
            "callee": callee,
            "amount": chance.choice(["0", "0.0100", "0.5000", str(chance.randrange(20000) / 10000)]),
            "currency": chance.choice(["EUR", "EUR", "USD", "SEK"]),
            "application": chance.choice([OWN, OTHER, ""]),
            "country": CALLED[callee],
        }


def price(row: Row, seconds: int) -> Decimal:
    first, following = map(int, row["increment"].split("/"))
    billed = max(first, seconds) if seconds else 0
    billed += -(billed - first) % following if billed > first else 0
    if not billed:
        return Decimal(0)
    units = Decimal(row["rate_per_minute"]) * billed / 60 / Decimal(row["unit"])
    up = row["rounding"] == "up"
    whole = (
        units.to_integral_value(ROUND_CEILING)
        if up
        else (units + Decimal("0.5")).to_integral_value(ROUND_FLOOR)
    )
    return whole * Decimal(row["unit"]) + Decimal(row["connection_fee"] or 0)


def applied(card: list[Row], call: Row) -> Row | None:
    """The row that counts, by the rules as they are written, each row by itself."""
    kind = next((kind for prefix, kind in TYPES.items() if call["callee"].startswith(prefix)), "")
    newest: dict[tuple[str, ...], Row] = {}
    for row in sorted(card, key=lambda row: row["valid_from"]):
        matches = (
            row["currency"] == call["currency"]
            and row["valid_from"] <= call["day"]
            and row["application_key"] in ("", call["application"])
            and row["country"] in ("", call["country"])
            and row["number_type"] in ("", kind)
            and call["callee"].startswith("+" + row["prefix"])
            and (not row["origin_prefix"] or call["caller"].startswith("+" + row["origin_prefix"]))
        )
        if matches:
            newest[tuple(row[key] for key in COLUMNS[:-1])] = row
    names = ("prefix", "origin_prefix", "number_type", "country")
    priced = [row for row in newest.values() if row["rate_per_minute"]]
    return max(
        priced,
        key=lambda row: (bool(row["application_key"]), *(len(row[name]) for name in names)),
        default=None,
    )


def test_every_call_is_rated_as_by_the_row_that_counts(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(38)
    card, calls = random_card(chance), list(random_calls(chance))
    write_card(tmp_path / "card.csv", card, COLUMNS + PRICES)
    monkeypatch.setenv("CDR_RATE_CARD", str(tmp_path / "card.csv"))
    lines = [CALL + ";ApplicationKey;UserId;ToCountryId"]
    for call in calls:
        fields = [
            call["id"],
            "1",
            call["day"] + "T10:00:00Z",
            call["result"],
            "HANGUP",
            call["seconds"],
            "",
            call["caller"],
        ]
        fields += [
            call["callee"],
            call["amount"],
            call["currency"],
            "",
            call["application"],
            "u",
            call["country"],
        ]
        lines.append(";".join(fields))
    warehouse.loader.stage(
        warehouse.loader.write("cdr_phone_terminated_2026-11-27.csv", "\n".join(lines) + "\n")
    )
    models = ("+mart_rerating_monthly", "+mart_overcharges", "+number_ranges")
    warehouse.dbt(
        "build", "-s", *models, "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"
    )

    rated, months = {}, dict[tuple[Any, ...], list[Decimal]]()
    for call in calls:
        amount = Decimal(call["amount"])
        if not amount:
            continue
        key = (
            date.fromisoformat(call["day"]).replace(day=1),
            call["application"] or None,
            call["country"],
            call["currency"],
        )
        month = months.setdefault(key, [Decimal(0)] * 8)
        month[0] += 1
        month[2] += amount
        row = applied(card, call)
        if row is None:
            month[6] += 1
            month[7] += amount
            continue
        expected = price(row, int(call["seconds"])) if call["result"] == "ANSWERED" else Decimal(0)
        off = amount - expected if abs(amount - expected) * 2 > Decimal(row["unit"]) else Decimal(0)
        rated[call["id"]] = (
            row["prefix"] or None,
            row["number_type"] or None,
            row["increment"],
            expected,
            off,
        )
        month[1] += 1
        month[3] += expected
        month[4] += max(off, Decimal(0))
        month[5] += max(-off, Decimal(0))
    assert len({row[:2] for row in rated.values()}) > 6
    query = warehouse.loader.query
    found = query(
        "select call_id, rate_prefix, rate_number_type, increment, expected_amount, difference"
        " from intermediate.int_rerating__calls join marts.fact_calls using (call_key)"
    )
    assert {call_id: tuple(values) for call_id, *values in found} == rated
    over = query(
        "select call_id, overcharge from marts.mart_overcharges join marts.fact_calls using (call_key)"
    )
    assert dict(over) == {call_id: row[-1] for call_id, row in rated.items() if row[-1] > 0}
    found = query(
        "select month, application_key, destination_country, currency, calls, priced_calls, amount,"
        " expected_amount, overcharge, undercharge, unpriced_calls, unpriced_amount"
        " from marts.mart_rerating_monthly"
    )
    assert {row[:4]: [value or 0 for value in row[4:]] for row in found} == months
    for row in found:
        assert (row[5] == 0) == (row[7] is None) == (row[8] is None) == (row[9] is None)
        assert (row[10] == 0) == (row[11] is None)


MOBILE = {"rate_per_minute": "0.1200", "increment": "60/60", "rounding": "nearest", "unit": "0.0001"}
FIXED = MOBILE | {"rate_per_minute": "0.0180", "increment": "1/1"}


def test_a_row_that_most_calls_contradict_is_a_gap_of_the_card(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card has no price of German mobiles, whose calls cost more; one other call costs too much."""
    card = [dict.fromkeys(COLUMNS + PRICES, "") | row for row in (FIXED, FIXED)]
    for row, country in zip(card, ("DE", "SE"), strict=True):
        row |= {"country": country, "currency": "EUR", "valid_from": "2026-01-01"}
    write_card(tmp_path / "card.csv", card, COLUMNS + PRICES)
    monkeypatch.setenv("CDR_RATE_CARD", str(tmp_path / "card.csv"))
    chance = random.Random(39)
    lines, over, gap = [CALL + ";ApplicationKey;UserId;ToCountryId"], {}, [Decimal(0)] * 4
    for number in range(720):
        day, seconds = FIRST + timedelta(days=number % 3), chance.randrange(1, 600)
        callee = chance.choice(list(CALLED))
        country, is_mobile = CALLED[callee], CALLED[callee] == "DE" and callee.startswith("+491")
        tariff = (MOBILE if is_mobile else FIXED) | {"connection_fee": ""}
        wrong = Decimal("0.5") if number in (5, 6) else Decimal(0)
        amount, expected = price(tariff, seconds) + wrong, price(card[0], seconds)
        parts = [f"gap-{number}", "1", f"{day}T12:00:00Z", "ANSWERED", "HANGUP", str(seconds), "", "private"]
        lines.append(";".join([*parts, callee, str(amount), "EUR", "", OTHER, "u", country]))
        if is_mobile:
            gap = [gap[0] + 1, gap[1] + amount, gap[2] + expected, gap[3] + max(amount - expected, 0)]
        elif wrong:
            over[f"gap-{number}"] = wrong
    loader = Loader(tmp_path / "gaps.duckdb", tmp_path)
    loader.stage(loader.write("cdr_phone_terminated_2026-11-27.csv", "\n".join(lines) + "\n"))
    gaps = Warehouse(loader, warehouse.target_path)
    models = ("+mart_rerating_monthly", "+mart_overcharges", "mart_rate_card_gaps", "+number_ranges")
    law = "assert_overcharges_are_those_of_mart_rerating_monthly"
    gaps.dbt(
        "build", "-s", *models, "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"
    )
    gaps.dbt("test", "-s", law)

    found = loader.query(
        "select call_id, overcharge from marts.mart_overcharges join marts.fact_calls using (call_key)"
    )
    assert dict(found) == over == {"gap-6": Decimal("0.5")}
    found = loader.query("select * exclude (valid_from, valid_to) from marts.mart_rate_card_gaps")
    (row,) = found
    assert row[:8] == (OTHER, "DE", "mobile", "EUR", "60/60", "nearest", None, None)
    assert row[8:] == (*gap, Decimal("0.12"), 0)
    assert loader.query("select valid_from, valid_to from marts.mart_rate_card_gaps") == [
        (FIRST, FIRST + timedelta(days=2))
    ]


HEADER = ",".join(COLUMNS + PRICES) + "\n"
PRICE = "0.1,60/60,,,0.01"


@pytest.fixture(scope="module")
def seeded(warehouse: Warehouse) -> Warehouse:
    warehouse.dbt("seed", "-s", "rate_card", "countries", "calling_codes", "number_ranges", "currencies")
    return warehouse


@pytest.fixture
def build(seeded: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Builds int_rate_card from a file with this content; returns the outcome of dbt."""

    def build(content: str) -> Any:
        path = tmp_path / "card.csv"
        path.write_text(content)
        monkeypatch.setenv("CDR_RATE_CARD", str(path))
        return seeded.try_dbt("run", "-s", "int_rate_card")

    return build


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (f",DE,4670,,,EUR,2026-01-01,{PRICE}", "country, prefix: 'DE, 4670' is a prefix outside of"),
        (f",SE,7,,,EUR,2026-01-01,{PRICE}", "country, prefix: 'SE, 7' is a prefix outside of"),
        (f",de,999,,,EUR,2026-01-01,{PRICE}", "country, prefix: 'DE, 999' is a prefix outside of"),
        (f",XX,,,,EUR,2026-01-01,{PRICE}", "country: 'XX' is not listed in seeds/countries.csv"),
        (f",,49151,premium,,EUR,2026-01-01,{PRICE}", "'49151, premium' is a prefix of numbers of the type"),
        (f",,,cellular,,EUR,2026-01-01,{PRICE}", "number_type: 'cellular' is not one of fixed, "),
        (f",,+49,,,EUR,2026-01-01,{PRICE}", "prefix: '+49' breaks the rule"),
        (f",,0049,,,EUR,2026-01-01,{PRICE}", "prefix: '0049' breaks the rule"),
        (f",,,,4 6,EUR,2026-01-01,{PRICE}", "origin_prefix: '4 6' breaks the rule"),
        (",,49,,,EUR,2026-01-01,0.1,,,,0.01", "increment: '' breaks the rule"),
        (",,49,,,EUR,2026-01-01,0.1,1/1,,,", "unit: '' breaks the rule"),
        (",,45,,,eur,2026-01-01,0.2,1/1,,,0.1", ", eur, 2026-01-01' occurs twice"),
    ],
)  # fmt: skip
def test_a_row_that_contradicts_itself_or_another_is_named(
    build: Callable[[str], Any], line: str, complaint: str
) -> None:
    outcome = build(HEADER + f",,45,,,EUR,2026-01-01,{PRICE}\n" + line + "\n")
    (message,) = (result.message for result in outcome.result.results if result.status == "error")
    assert "card.csv, line 3, " in message
    assert complaint in message


def test_a_country_may_use_the_code_of_another(build: Callable[[str], Any]) -> None:
    """Saint Barthelemy has no calling code of its own."""
    assert build(HEADER + f",BL,590,,,EUR,2026-01-01,{PRICE}\n").success


def test_columns_that_a_card_lacks_are_empty(build: Callable[[str], Any], warehouse: Warehouse) -> None:
    columns = "application_key, country, prefix, number_type, origin_prefix, connection_fee, rounding"
    query = f"select {columns} from intermediate.int_rate_card order by all"
    assert build(
        "application_key,country,currency,valid_from,rate_per_minute,increment,connection_fee,rounding,unit\n"
        f",DE,EUR,2026-01-01,{PRICE}\n"
    ).success
    assert warehouse.loader.query(query) == [(None, "DE", None, None, None, 0, "nearest")]
    assert build(
        "prefix,rate_per_minute,currency,valid_from,increment,unit\n"
        # Prefixes of several countries, and of numbers of several types.
        "1,0.1,USD,2026-01-01,1/1,0.01\n4,,USD,2026-01-01,,\n"
    ).success
    assert warehouse.loader.query(query) == [
        (None, None, "1", None, None, 0, "nearest"),
        (None, None, "4", None, None, 0, "nearest"),
    ]
    outcome = build("prefix,rate_per_minute,valid_from,increment,unit\n49,0.1,2026-01-01,1/1,0.01\n")
    (message,) = (result.message for result in outcome.result.results if result.status == "error")
    assert "line 1: the columns are prefix, rate_per_minute" in message
    assert "; it may lack application_key, country, prefix, " in message
