"""The user's CSV file in place of a seed: taken, followed when it changes, refused by line and column."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from harness import Loader
from warehouse import Warehouse

HEADER = "invoice_month,application_key,currency,invoice_amount\n"
Invoices = Callable[[str], Any]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("seeds")
    warehouse = Warehouse(Loader(folder / "cdr.duckdb", folder), folder / "target")
    warehouse.dbt("seed", "-s", "invoices", "rate_card", "billing_increments", "currencies")
    return warehouse


@pytest.fixture
def build(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoices:
    """Build int_invoices from a file with this content; return dbt's outcome."""

    def build(content: str) -> Any:
        path = tmp_path / "my invoices' file.csv"
        path.write_bytes(content.encode())
        monkeypatch.setenv("CDR_INVOICES", str(path))
        return warehouse.try_dbt("run", "-s", "int_invoices")

    return build


def invoices(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    columns = "invoice_month, application_key, currency, invoice_amount"
    return warehouse.loader.query(f"select {columns} from intermediate.int_invoices order by all")


def test_without_a_file_the_seed_counts(warehouse: Warehouse) -> None:
    warehouse.dbt("run", "-s", "int_invoices")
    assert invoices(warehouse) == []


def test_a_file_is_taken_in_place_of_the_seed_and_followed(warehouse: Warehouse, build: Invoices) -> None:
    guid = "6F1C2D9A4B7E4C359A580D2E7B61C4F3"
    lines = f"2026-11-01,,eur,100\n\n2026-11-01,,EUR,-0.5\n2026-10-01,{guid},EUR,1.000000\n"
    assert build("\ufeff" + HEADER + lines).success
    assert invoices(warehouse) == [
        (date(2026, 10, 1), "6f1c2d9a-4b7e-4c35-9a58-0d2e7b61c4f3", "EUR", Decimal(1)),
        (date(2026, 11, 1), None, "EUR", Decimal("99.5")),
    ]
    # Columns in another order, quotes, line ends of Windows.
    content = (
        'Currency,"invoice_month",invoice_amount,application_key\r\n"EUR",2026-11-01, 7 ,"a ""b"", it\'s"\r\n'
    )
    assert build(content).success
    assert invoices(warehouse) == [(date(2026, 11, 1), 'a "b", it\'s', "EUR", Decimal(7))]
    assert build(HEADER).success
    assert invoices(warehouse) == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "the file is empty; its first line must name the columns"),
        ("month,amount\n", "line 1: the columns are month, amount; they must be invoice_month,"),
        (HEADER.replace(",", ";"), "line 1: the columns are invoice_month;application_key;"),
        (HEADER + "2026-11-01,EUR,1\n", "line 2: 3 fields; there must be 4"),
        (HEADER + "\n2026-11-01,,EUR,1,5\n", "line 3: 5 fields; there must be 4"),
        (
            HEADER + "2026-11-01,,EUR,1\n2026-02-30,,EUR,1\n",
            "line 3, invoice_month: '2026-02-30' is not a date",
        ),
        (HEADER + "01.11.2026,,EUR,1\n", "line 2, invoice_month: '01.11.2026' is not a date"),
        (HEADER + '2026-11-01,,EUR,"1,000.00"\n', "line 2, invoice_amount: '1,000.00' is not a number"),
        (HEADER + "2026-11-01,,EUR,1e3\n", "line 2, invoice_amount: '1e3' is not a number"),
        (HEADER + "2026-11-01,,EUR,1.2345678\n", "line 2, invoice_amount: '1.2345678' is not a number"),
        (HEADER + '2026-11-01,,EUR,1"0\n', "line 2: the quotes are not in pairs"),
        (
            HEADER + "2026-11-01,,EUR,1\n2026-11-02,,EUR,1\n",
            "line 3, invoice_month: '2026-11-02' breaks the rule",
        ),
        (HEADER + "2026-11-01,,,1\n", "line 2, currency: '' is empty, but must have a value"),
        (HEADER + "\n2026-11-01,,EUR,\n", "line 3, invoice_amount: '' is empty, but must have a value"),
    ],
)
def test_what_does_not_fit_is_named(build: Invoices, content: str, complaint: str) -> None:
    outcome = build(content)
    assert not outcome.success
    (message,) = (result.message for result in outcome.result.results if result.status == "error")
    assert any("invoices' file.csv" in line and complaint in line for line in message.splitlines()), message


def test_a_file_that_is_not_there_is_named(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDR_INVOICES", "/nowhere/invoices.csv")
    outcome = warehouse.try_dbt("run", "-s", "int_invoices")
    (message,) = (result.message for result in outcome.result.results if result.status == "error")
    assert "/nowhere/invoices.csv: CDR_INVOICES names this file, but it does not exist" in message
    assert "set CDR_INVOICES=project to use no file" in message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_file_in_another_encoding_is_one_plain_line(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    path = tmp_path / "invoices.csv"
    path.write_bytes((HEADER + "2026-11-01,Köln,EUR,1\n").encode(encoding))
    monkeypatch.setenv("CDR_INVOICES", str(path))
    outcome = warehouse.try_dbt("run", "-s", "int_invoices")
    (message,) = (result.message for result in outcome.result.results if result.status == "error")
    assert f"{path}: the file is not text in UTF-8" in message
    assert "read_blob" not in message


def test_a_seed_in_another_encoding_is_one_plain_line(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "seeds" / "invoices.csv"
    path.parent.mkdir()
    path.write_bytes(HEADER.encode("utf-16"))

    def edit(manifest: Any) -> None:
        manifest.nodes["seed.sinch_cdr.invoices"].root_path = str(tmp_path)

    warehouse.edit = edit
    try:
        outcome = warehouse.try_dbt("seed", "-s", "invoices")
    finally:
        warehouse.edit = None
    (message,) = (result.message for result in outcome.result.results if result.status == "error")
    assert f"{path}: the file is not text in UTF-8" in message


def test_a_file_is_remembered_until_it_is_dropped_on_purpose(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By plain dbt, in another shell, after the file is gone, through a full refresh and without a log."""
    path = tmp_path / "invoices.csv"
    kept = "select kind, path, content from reference.team_seeds order by all"

    def amounts(*arguments: str) -> list[Any]:
        warehouse.dbt("run", "-s", "int_invoices", *arguments)
        return [row[3] for row in invoices(warehouse)]

    path.write_text(HEADER + "2026-11-01,,EUR,7\n")
    # A path from the folder that dbt is started in.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("CDR_INVOICES", "invoices.csv")
    assert amounts() == [7]
    assert warehouse.loader.query(kept) == [("invoices", str(path), path.read_text())]
    monkeypatch.chdir("/")
    monkeypatch.setenv("PWD", "/")
    for unset in (lambda: monkeypatch.delenv("CDR_INVOICES"), lambda: monkeypatch.setenv("CDR_INVOICES", "")):
        unset()
        assert amounts() == [7]
    path.write_text(HEADER + "2026-11-01,,EUR,8\n")
    assert amounts() == [8]
    # What does not fit is not remembered.
    path.write_text(HEADER + "2026-11-01,,EUR,eight\n")
    assert not warehouse.try_dbt("run", "-s", "int_invoices").success
    path.unlink()
    assert amounts() == [8]
    warehouse.loader.execute(
        "drop table intermediate.build_log; drop table if exists intermediate.build_runs"
    )
    assert amounts("--full-refresh") == [8]
    assert warehouse.loader.query(kept) == [("invoices", str(path), HEADER + "2026-11-01,,EUR,8\n")]
    monkeypatch.setenv("CDR_INVOICES", "project")
    assert amounts() == []
    assert warehouse.loader.query(kept) == []
    monkeypatch.delenv("CDR_INVOICES")
    assert amounts() == []


CARD = "application_key,country,currency,valid_from,rate_per_minute,increment,connection_fee,rounding,unit\n"
INCREMENTS = "increment,first_seconds,next_seconds,description\n"


@pytest.mark.parametrize(
    ("seed", "content", "complaint"),
    [
        (
            "rate_card",
            ",VN,VND,2026-11-01,-1,60/60,,,1",
            "rate_per_minute: '-1' breaks the rule: rate_per_minute >= 0",
        ),
        ("rate_card", ",VN,,2026-11-01,1,60/60,,,1", "currency: '' is empty, but must have a value"),
        ("rate_card", ",VN,VND,2026-11-01,1,minute,,,1", "increment: 'minute' breaks the rule"),
        ("rate_card", ",VN,VND,2026-11-01,1,60/60,-1,,1", "connection_fee: '-1' breaks the rule"),
        ("rate_card", ",VN,VND,2026-11-01,1,60/60,,down,1", "rounding: 'down' breaks the rule"),
        ("rate_card", ",VN,VND,2026-11-01,1,60/60,,,0", "unit: '0' breaks the rule: unit > 0"),
        (
            "rate_card",
            "a,VN,VND,2026-11-01,1,60/60,,,1\nA,VN,vnd,2026-11-01,1,60/60,,,1",
            "application_key, country, prefix, number_type, origin_prefix, currency, valid_from:"
            " 'A, VN, , , , vnd, 2026-11-01' occurs twice,",
        ),
        ("billing_increments", "0/1,0,1,none", "first_seconds: '0' breaks the rule: first_seconds >= 1"),
        ("billing_increments", "60/60,60,30,minutes", "increment: '60/60' breaks the rule"),
    ],
)
def test_what_breaks_a_rule_is_named(
    warehouse: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: str,
    content: str,
    complaint: str,
) -> None:
    path = tmp_path / "own.csv"
    path.write_text({"rate_card": CARD, "billing_increments": INCREMENTS}[seed] + content + "\n")
    monkeypatch.setenv(f"CDR_{seed.upper()}", str(path))
    outcome = warehouse.try_dbt("run", "-s", f"int_{seed}")
    (message,) = (result.message for result in outcome.result.results if result.status == "error")
    line = 2 + content.count("\n")
    assert f"own.csv, line {line}, {complaint}" in message


def test_a_rate_in_a_weak_currency_is_not_too_high(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(CARD + ",VN,VND,2026-11-01,150000,60/60,,up,1\n,IR,IRR,2026-11-01,12000000.5,1/1,,,1\n")
    monkeypatch.setenv("CDR_RATE_CARD", str(path))
    warehouse.dbt("build", "-s", "int_rate_card", "--exclude-resource-type", "unit_test")
    rates = "select rate_per_minute from intermediate.int_rate_card order by 1"
    assert warehouse.loader.query(rates) == [(Decimal(150000),), (Decimal("12000000.5"),)]
