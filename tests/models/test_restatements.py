"""Days that files change after they were reported: late files, corrections, withdrawals, purges."""

from decimal import Decimal
from typing import Any

import pytest
from builders import header, record
from harness import Loader
from warehouse import Warehouse

MODELS = ("-s", "+mart_restatements", "+mart_feed_completeness")
KIND = "phone_terminated"
COMMON = {"Currency": "EUR", "ApplicationKey": "one"}


@pytest.fixture
def warehouse(cdr: Loader, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(cdr, tmp_path_factory.mktemp("restatements"))
    warehouse.dbt("seed")
    return warehouse


def deliver(loader: Loader, name: str, *calls: tuple[str, str, str]) -> None:
    """Stage a file of calls: their ids, days and amounts."""
    lines = [
        record(
            KIND, call_id, CallTime=f"{day}T10:00:00Z", Amount=amount, Currency="EUR", ApplicationKey="one"
        )
        for call_id, day, amount in calls
    ]
    loader("stage", loader.write(name, "".join(f"{line}\n" for line in [header(KIND), *lines])))


def changes(loader: Loader) -> list[tuple[Any, ...]]:
    """Every change, in order."""
    return loader.query(
        "select day::text, application_key, currency, file_ids, calls_before, calls, amount_before, amount"
        " from marts.mart_restatements order by changed_at, day"
    )


def test_days_that_change_after_they_were_reported(warehouse: Warehouse) -> None:
    loader = warehouse.loader
    first, second = "2026-11-20", "2026-11-21"
    deliver(loader, f"{KIND}_{first}.csv", ("a", first, "1"), ("b", first, "2"))
    warehouse.dbt("run", *MODELS)
    assert changes(loader) == []

    # The next day's file has a late call; a build without new files changes nothing.
    deliver(loader, f"{KIND}_{second}.csv", ("c", first, "0.5"), ("d", second, "4"))
    warehouse.dbt("run", *MODELS)
    late = (first, "one", "EUR", "2", 2, 3, Decimal(3), Decimal("3.5"))
    assert changes(loader) == [late]
    warehouse.dbt("run", *MODELS)
    assert changes(loader) == [late]

    # A correction of an amount is a version of its own; one that changes another column is no change.
    deliver(loader, f"{KIND}_{first}.csv", ("a", first, "1"), ("b", first, "2.25"))
    warehouse.dbt("run", *MODELS)
    corrected = (first, "one", "EUR", "1,3", 3, 3, Decimal("3.5"), Decimal("3.75"))
    assert changes(loader) == [late, corrected]
    # One of three calls came later; the corrected ones did not.
    warehouse.dbt("run", *MODELS, "--full-refresh")
    share = "select usually_later_share from marts.mart_feed_completeness where file_date = ?"
    assert loader.query(share, second) == [(pytest.approx(1 / 3),)]

    loader("withdraw", f"{KIND}_{second}.csv")
    warehouse.dbt("run", *MODELS)
    withdrawn = [
        (first, "one", "EUR", "2", 3, 2, Decimal("3.75"), Decimal("3.25")),
        (second, "one", "EUR", "2", 1, 0, Decimal(4), None),
    ]
    assert changes(loader) == [late, corrected, *withdrawn]

    # A full refresh, also without the build log, keeps what was reported.
    for table in loader.query(
        "select table_name from duckdb_tables()"
        " where schema_name = 'intermediate' and table_name like 'build%'"
    ):
        loader.execute(f"drop table intermediate.{table[0]}")
    warehouse.dbt("run", *MODELS, "--full-refresh")
    assert changes(loader) == [late, corrected, *withdrawn]

    # What is purged is in no row.
    loader("purge", "--before", second, "--yes")
    warehouse.dbt("run", *MODELS)
    assert all("1" not in row[3] and "3" not in row[3] for row in changes(loader))
    assert loader.query("select distinct file_id from intermediate.day_history") == [(2,)]
