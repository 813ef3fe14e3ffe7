"""From files to marts with `cdr run`: the numbers are those that plain Python computes from the files."""

import csv
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from harness import REPOSITORY, Loader
from warehouse import Warehouse

from loader.feeds import KINDS
from loader.synth import synthesise
from loader.synth_warts import WARTS

END = date(2026, 11, 22)
NO_VALUE = ("NULL", "\\N", "null", "nil", "None", "-")


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deliveries")
    synthesise(folder, days=3, calls_per_day=400, seed=5, end=END)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, deliveries: Path) -> Loader:
    """The daily job on clean deliveries, on the target of continuous integration: every test must pass."""
    folder = tmp_path_factory.mktemp("clean")
    loader = Loader(folder / "cdr.duckdb", deliveries)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDR_DATABASE", str(loader.database))
        patch.setenv("CDR_TARGET", "ci")
        patch.setenv("DBT_TARGET_PATH", str(folder))
        patch.setenv("DBT_LOG_PATH", str(folder))
        document = loader.json("run", deliveries)
    (folder / "run.json").write_text(json.dumps(document))
    return loader


def records(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for path in sorted(folder.glob("*.csv")):
        kind = path.name.removeprefix("cdr_").rsplit("_", 1)[0]
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                yield kind, row


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text[:26].rstrip("Z"))


def test_every_dbt_test_of_the_project_ran(built: Loader) -> None:
    build = json.loads((built.database.parent / "run.json").read_text())["build"]
    ran = {node["node"] for node in build["nodes"] if node["status"] in ("pass", "warn", "fail", "error")}
    manifest = json.loads((built.database.parent / "manifest.json").read_text())
    defined = {name for name, node in manifest["nodes"].items() if node["resource_type"] == "test"}
    unit_tests = set(manifest["unit_tests"])
    assert manifest["disabled"] == {}
    assert defined | unit_tests <= ran
    # Counted without dbt too, so that a folder dropping out of the project is seen.
    files = [path.relative_to(REPOSITORY / "tests") for path in (REPOSITORY / "tests").glob("**/*.sql")]
    singular = [path for path in files if path.parts[0] not in ("generic", "benchmarks")]
    assert sum(name.count(".") == 2 for name in defined) == len(singular)
    assert len(unit_tests) == sum(
        path.read_text().count("\n  - name: ")
        for path in (REPOSITORY / "models").glob("**/*__unit_tests.yml")
    )


def test_every_record_is_a_call(built: Loader, deliveries: Path) -> None:
    expected = Counter(kind for kind, _ in records(deliveries))
    assert dict(built.query("select call_type, count(*) from marts.fact_calls group by all")) == expected
    assert built.query("select distinct difference from marts.mart_feed_reconciliation") == [(0,)]
    assert sum(expected.values()) == 1200


def test_cost_per_country_and_currency(built: Loader, deliveries: Path) -> None:
    amounts: dict[Any, Decimal] = defaultdict(Decimal)
    seconds: Counter[Any] = Counter()
    for kind, row in records(deliveries):
        if kind == "phone_terminated":
            key = (moment(row["CallTime"]).date(), row["ApplicationKey"], row["ToCountryId"], row["Currency"])
            amounts[key] += Decimal(row["Amount"] or 0)
            seconds[key] += int(row["Duration"] or 0) if row["Result"] == "ANSWERED" else 0
    found = built.query(
        "select report_date, application_key, destination_country, currency, amount, minutes"
        " from marts.mart_cost_daily where call_type = 'phone_terminated'"
    )
    assert {row[:4]: row[4] for row in found} == amounts
    assert {row[:4]: round(row[5] * 60) for row in found} == seconds


def test_quality_per_day_and_application(built: Loader, deliveries: Path) -> None:
    bids: Counter[Any] = Counter()
    answers: Counter[Any] = Counter()
    for kind, row in records(deliveries):
        key = (moment(row["CallTime"]).date(), kind, row["ApplicationKey"])
        bids[key] += 1
        answers[key] += row["Result"] == "ANSWERED"
    found = built.query(
        "select report_date, call_type, application_key, sum(bids), sum(answers)"
        " from marts.mart_quality_daily group by all"
    )
    assert {row[:3]: row[3] for row in found} == bids
    assert {row[:3]: row[4] for row in found} == {key: answers[key] for key in bids}


def test_intervals_of_calls(built: Loader, deliveries: Path) -> None:
    expected = {}
    for kind, row in records(deliveries):
        called = moment(row["CallTime"])
        answered = moment(row["AnswerTime"]) if row.get("AnswerTime") else None
        ended = (answered or called) + timedelta(seconds=int(row["Duration"] or 0))
        delay = (answered - called).total_seconds() if answered else None
        expected[kind, row["CallId"]] = (called, answered, ended, delay)
    found = built.query(
        "select call_type, call_id, called_at, answered_at, ended_at, answer_delay_seconds"
        " from marts.fact_calls"
    )
    assert {row[:2]: row[2:] for row in found} == {
        key: (*times, pytest.approx(delay, abs=1e-9)) for key, (*times, delay) in expected.items()
    }


def test_every_irregularity_ends_where_it_should(tmp_path: Path) -> None:
    """All of the feed's irregularities at once: some files fail, every record is accounted for."""
    inbox = tmp_path / "inbox"
    synthesise(inbox, days=2, calls_per_day=120, seed=9, warts=True, end=END)
    loader = Loader(tmp_path / "cdr.duckdb", inbox)
    staged = loader.stage(inbox, code=1)
    assert {file["state"] for file in staged} >= {"current", "duplicate", "failed", "ignored"}
    warehouse = Warehouse(loader, tmp_path / "target")
    results = warehouse.dbt("build").results
    assert [r.node.name for r in results if r.status == "warn"], "values outside the page are warned about"
    loader("verify")
    expected = sum(wart.rejected for wart in WARTS if wart.state == "current")
    assert loader.query("select count(*) from marts.rejected_records where stage = 'load'") == [(expected,)]
    assert loader.query("select count(*) from marts.call_conflicts")[0][0] > 0
    assert loader.query("select sum(exact_duplicates) from marts.mart_feed_reconciliation")[0][0] > 0
    assert loader.query("select count(*) from marts.rejected_records where stage = 'typing'")[0][0] > 0
    assert unreadable_values_are_in_no_sum(loader) > 0


def trimmed(text: str | None) -> str:
    """Without blanks and invisible characters at both ends."""
    visible = [place for place, sign in enumerate(text or "") if unicodedata.category(sign)[0] not in "ZC"]
    return (text or "")[visible[0] : visible[-1] + 1] if visible else ""


def unreadable_values_are_in_no_sum(loader: Loader) -> int:
    """Recomputes sums of the daily marts from the raw texts; returns the number of unreadable amounts."""
    sums: Counter[str] = Counter()
    charges = {"amount": Decimal(0), "charged_amount": Decimal(0)}
    for kind in KINDS:
        delivered = loader.query(
            f"""
            select raw."Result", raw."Duration", {'raw."Amount"' if "Amount" in KINDS[kind] else "null"}
            from raw_sinch.{kind} as raw
            inner join marts.fact_calls as calls
                on raw._file_id = calls.file_id and raw._line = calls.source_line
            """
        )
        for result, duration, amount in ([trimmed(text) for text in row] for row in delivered):
            seconds = int(duration) if re.fullmatch(r"[0-9]{1,7}", duration) else None
            charge = Decimal(amount) if re.fullmatch(r"[+-]?\d+(\.\d{1,6}0*)?", amount) else None
            sums["unreadable_amounts"] += charge is None and amount not in ("", *NO_VALUE)
            charges["amount"] += charge or 0
            if charge is not None and charge > 0 and seconds is not None:
                charges["charged_amount"] += charge
                sums["charged_seconds"] += seconds
            if result.upper() == "ANSWERED" and seconds is not None:
                sums["timed_answers"] += 1
                sums["talk_seconds"] += seconds
                sums["short_calls"] += seconds <= 6
    for mart, names in {
        "mart_cost_daily": ("amount", "charged_amount", "charged_seconds", "unreadable_amounts"),
        "mart_quality_daily": ("timed_answers", "talk_seconds", "short_calls"),
    }.items():
        found = loader.query(f"select {', '.join(f'sum({name})' for name in names)} from marts.{mart}")
        assert found == [tuple({**sums, **charges}[name] for name in names)], mart
    return sums["unreadable_amounts"]
