"""What `cdr synth --planted` plants is what the marts find."""

import csv
import json
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from harness import Loader, Once

from loader.synth import DEFAULT_END, synthesise
from loader.synth.planted import INVOICE_ERROR, Tariff

DAYS = 63
MARTS = (
    "+mart_cost_exceptions",
    "+mart_overcharges",
    "+mart_rate_history",
    "+mart_invoice_reconciliation",
    "+mart_signals",
)


@pytest.fixture(scope="module")
def delivered(once: Once) -> Loader:
    """The deliveries, staged and built with their rate card and invoices."""

    def fill(folder: Path) -> None:
        loader = Loader(folder / "cdr.duckdb", folder / "inbox")
        synthesise(loader.inbox, days=DAYS, calls_per_day=40, seed=3, plants=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CDR_RATE_CARD", str(loader.inbox / "seeds" / "rate_card.csv"))
            patch.setenv("CDR_INVOICES", str(loader.inbox / "seeds" / "invoices.csv"))
            files = loader.stage(loader.inbox)
            assert {file["state"] for file in files} == {"current", "ignored"}
            ignored = {Path(file["path"]).name for file in files if file["state"] == "ignored"}
            assert ignored == {"planted.json", "rate_card.csv", "invoices.csv"}
            left_out = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
            loader("build", "-q", "-s", *MARTS, *left_out)

    folder = once("planted", fill)
    return Loader(folder / "cdr.duckdb", folder / "inbox")


def planted(loader: Loader, rule: str) -> list[dict[str, object]]:
    cases = json.loads((loader.inbox / "planted.json").read_text())
    return [case for case in cases if case["rule"] == rule]


def test_the_rate_card_gives_every_amount_but_those_listed(delivered: Loader) -> None:
    tariffs: dict[tuple[str, str], list[Tariff]] = defaultdict(list)
    with (delivered.inbox / "seeds" / "rate_card.csv").open() as file:
        for row in csv.DictReader(file):
            first, following = map(int, row["increment"].split("/"))
            key = row["application_key"], row["country"]
            since, rate, fee = (
                date.fromisoformat(row["valid_from"]),
                row["rate_per_minute"],
                row["connection_fee"],
            )
            tariffs[key].append(Tariff(*key, since, Decimal(rate), first, following, Decimal(fee)))
    off = set()
    for path in (delivered.inbox / "planted").glob("cdr_phone_terminated_*.csv"):
        with path.open() as file:
            for call in csv.DictReader(file, delimiter=";"):
                day = date.fromisoformat(call["CallTime"][:10])
                rates = tariffs.get((call["ApplicationKey"], call["ToCountryId"]), [])
                valid = [tariff for tariff in rates if tariff.valid_from <= day]
                if valid and Decimal(call["Amount"]) != valid[-1].amount(int(call["Duration"])):
                    off.add(call["CallId"])
    expected = [
        case["entity"] for rule in ("answered_not_charged", "off_tariff") for case in planted(delivered, rule)
    ]
    assert off == set(expected)


def test_planted_costs_are_found_and_nothing_else(delivered: Loader) -> None:
    found = delivered.query(
        "select rule, call_id, report_date::varchar from marts.mart_cost_exceptions order by all"
    )
    rules = ("answered_not_charged", "off_tariff")
    cases = [case for rule in rules for case in planted(delivered, rule)]
    assert found == sorted((case["rule"], case["entity"], case["day"]) for case in cases)
    assert delivered.query("select overcharge from marts.mart_overcharges") == [(Decimal("0.050000"),)]


def test_the_planted_rate_change_and_fee_are_found(delivered: Loader) -> None:
    (change,) = planted(delivered, "rate_change")
    found = delivered.query(
        "select destination_country, valid_from::varchar, rate_per_minute::double, connection_fee::double,"
        " increment from marts.mart_rate_history where application_key = ? order by all",
        change["entity"],
    )
    start = (DEFAULT_END - timedelta(days=DAYS - 1)).isoformat()
    assert found == [
        ("IE", start, 0.02, 0.01, "1/1"),
        ("NZ", start, 0.052, 0.0, "30/6"),
        ("NZ", change["day"], 0.061, 0.0, "30/6"),
    ]


def test_the_one_invoice_that_differs_is_found(delivered: Loader) -> None:
    found = delivered.query(
        "select month::varchar, currency, -variance from marts.mart_invoice_reconciliation"
        " where verdict <> 'matches'"
    )
    assert found == [("2026-11-01", "EUR", INVOICE_ERROR)]


def test_the_planted_signals_are_found_and_no_others_of_their_applications(delivered: Loader) -> None:
    rules = {rule for (rule,) in delivered.query("select distinct rule from reference.signal_rules")}
    cases = [case for rule in sorted(rules) for case in planted(delivered, rule)]
    assert {case["rule"] for case in cases} == rules
    ids = [call_id for case in cases for call_id in case["call_ids"]]
    found = delivered.query(
        "select rule, entity_type, entity, signal_date::varchar from marts.mart_signals"
        " where application_key in"
        " (select application_key from marts.fact_calls where list_contains(?, call_id))"
        " order by all",
        ids,
    )
    assert found == sorted((case["rule"], case["entity_type"], case["entity"], case["day"]) for case in cases)
