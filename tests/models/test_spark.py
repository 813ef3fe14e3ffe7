"""The same deliveries, built on DuckDB and on Spark, make the same tables, row for row."""

import math
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import header, record
from harness import Loader
from warehouse import Warehouse

from loader.synth import synthesise

pytestmark = pytest.mark.spark

COMPARED = ("reference", "staging", "intermediate", "marts")
# The hash differs between engines, and the memory of builds is each engine's own. Spark rebuilds the table
# of contenders, so it has none that lost their rivals.
NOT_COMPARED_COLUMN = "key_hash"
# The time of the build that found a change.
TIME_OF_BUILD = ("mart_restatements", "changed_at")
NOT_COMPARED_TABLES = (
    *("intermediate.build_", "intermediate.day_history", "intermediate.int_day_history"),
    "intermediate.int_calls__contenders",
)
KEY = "a key with ' and \\ in it"


class SparkWarehouse(Warehouse):
    """The dbt project on a local Spark session in this process, over the loader's export."""

    @contextmanager
    def environment(self) -> Iterator[None]:
        folder = self.target_path.parent
        with pytest.MonkeyPatch.context() as patch, super().environment():
            patch.setenv("CDR_TARGET", "spark")
            patch.setenv("CDR_EXPORT_DIR", str(folder / "export"))
            patch.setenv("CDR_SPARK_WAREHOUSE", str(folder / "warehouse"))
            patch.setenv("CDR_SPARK_PARTITIONS", "2")
            patch.setenv("CDR_MEMORY_LIMIT", "4GiB")
            yield

    def sql(self, query: str) -> Any:
        from pyspark.sql import SparkSession

        # dbt's session: this process has no other.
        return SparkSession.builder.getOrCreate().sql(query)

    def copy(self, name: str) -> str:
        """A table's or view's rows as Parquet; returns a glob of the files."""
        folder = self.target_path.parent / "copies" / name
        self.sql(f"select * from {name}").write.mode("overwrite").parquet(str(folder))
        return f"{folder}/*.parquet"

    def stop(self) -> None:
        from pyspark.sql import SparkSession

        SparkSession.builder.getOrCreate().stop()


@dataclass
class Both:
    """One loader, and the project on both engines."""

    loader: Loader
    duckdb: Warehouse
    spark: SparkWarehouse

    def export(self) -> None:
        self.loader("export", self.loader.database.parent / "export", "-q")

    def run(self, *arguments: str, parse_arguments: tuple[str, ...] = ()) -> None:
        self.export()
        for warehouse in (self.duckdb, self.spark):
            warehouse.dbt("run", *arguments, parse_arguments=parse_arguments)

    def compare(self, *names: str) -> int:
        """Require equal tables on both engines, and return how many rows were compared."""
        with duckdb.connect(self.loader.database, read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            names = names or relations(connection)
            return sum(self._compare(connection, name) for name in names)

    def _compare(self, connection: duckdb.DuckDBPyConnection, name: str) -> int:
        ours, theirs = f"from {name}", f"from read_parquet('{self.spark.copy(name)}')"
        columns = columns_of(connection, ours)
        # Spark has one kind of timestamp; the session's time zone is UTC.
        found = {c: t.removesuffix(" WITH TIME ZONE") for c, t in columns_of(connection, theirs).items()}
        assert found == columns, name
        expected, rows = rows_of(connection, columns, ours), rows_of(connection, columns, theirs)
        known = {exact for exact, _ in expected}
        surplus = [row for row in rows if row[0] not in known][:3]
        assert len(rows) == len(expected), f"{name}: {len(rows)} rows, expected {len(expected)}: {surplus}"
        for row, wanted in zip(rows, expected, strict=True):
            assert row[0] == wanted[0], f"{name}: found {row[0]}, expected {wanted[0]}"
            assert all(map(near, row[1], wanted[1])), f"{name}: found {row}, expected {wanted}"
        return len(rows)


def relations(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    rows = connection.execute(
        "select table_schema || '.' || table_name from information_schema.tables"
        " where list_contains(?, table_schema) order by 1",
        [list(COMPARED)],
    ).fetchall()
    return tuple(name for (name,) in rows if not name.startswith(NOT_COMPARED_TABLES))


def columns_of(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """Names and types, but for what is not compared, in the order of the names."""
    rows = connection.execute(f"describe select * {source}").fetchall()
    table, column = TIME_OF_BUILD
    left_out = {NOT_COMPARED_COLUMN, column} if table in source else {NOT_COMPARED_COLUMN}
    return {name: kind for name, kind, *_ in sorted(rows) if name not in left_out}


Row = tuple[tuple[Any, ...], tuple[float | None, ...]]


def rows_of(connection: duckdb.DuckDBPyConnection, columns: dict[str, str], source: str) -> list[Row]:
    """The rows in one order, each in two parts: what must be equal (timestamps as microseconds), doubles."""
    doubles = [f'"{name}"' for name, kind in columns.items() if kind == "DOUBLE"]
    exact = [
        f'epoch_us("{name}")' if kind.startswith("TIMESTAMP") else f'"{name}"'
        for name, kind in columns.items()
        if kind != "DOUBLE"
    ]
    chosen = ", ".join(exact + doubles)
    rows = connection.execute(f"select {chosen} {source} order by all").fetchall()
    return [(row[: len(exact)], row[len(exact) :]) for row in rows]


def near(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days with every irregularity there is."""
    folder = tmp_path_factory.mktemp("deliveries")
    synthesise(folder, days=3, calls_per_day=200, seed=8, warts=True, end=date(2026, 11, 22))
    return folder


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, deliveries: Path) -> Iterator[Both]:
    """All but the last day's clean files and what corrects them, built and tested on both engines."""
    folder = tmp_path_factory.mktemp("spark")
    loader = Loader(folder / "cdr.duckdb", folder / "inbox")
    both = Both(loader, Warehouse(loader, folder / "target"), SparkWarehouse(loader, folder / "target-spark"))
    first = [*deliveries.glob("*-2[01].csv"), deliveries / "warts"]
    loader.stage(*first, code=1)
    both.export()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_ENV_SECRET_CDR_PII_KEY", KEY)
        both.duckdb.dbt("build")
        both.spark.dbt("build")
        yield both
    both.spark.stop()


def test_every_table_is_the_same(both: Both) -> None:
    with duckdb.connect(both.loader.database, read_only=True) as connection:
        names = relations(connection)
    assert {"marts.fact_calls", "marts.mart_cost_daily", "staging.stg_sinch__app_app"} <= set(names)
    assert both.compare() > 2000


def test_increments_are_the_same_and_equal_a_full_refresh(both: Both, deliveries: Path) -> None:
    # The last day, a late file, a correction, and further records of calls that are there.
    more = [*deliveries.glob("*-22.csv"), deliveries / "late", deliveries / "corrections"]
    both.loader.stage(*more)
    both.run()
    both.compare()
    current = both.loader.query(
        "select file_id from raw_sinch.files where state = 'current' and staged > 0"
        " and (kind, file_date) in (('phone_terminated', '2026-11-20'), ('app_app', '2026-11-21'))"
    )
    late = both.loader.query("select file_id from raw_sinch.files where file_date < '2026-11-20'")
    for (file_id,) in [*current, *late]:
        both.loader("withdraw", file_id)
    both.run()
    both.compare()
    days = "select distinct call_date from marts.fact_calls order by 1"
    assert len(both.loader.query(days)) == len(both.spark.sql(days).collect())
    both.spark.dbt("run", "--full-refresh")
    both.compare()


def call(call_id: str, day: str, **values: str) -> str:
    times = {"CallTime": f"{day}T10:00:00Z", "To": "+46701234567", "Amount": "0.5", "Currency": "USD"}
    return record("phone_terminated", call_id, **{**times, **values}) + "\n"


def test_the_next_build_completes_a_killed_one(both: Both) -> None:
    """Spark has no transactions: what a build leaves half done, the next one must notice and replace."""
    lines = header("phone_terminated") + "\n" + call("one", "2026-10-05") + call("two", "2026-10-06")
    both.loader("stage", both.loader.write("2026-10-06/killed_phone_terminated.csv", lines))
    both.export()
    # After the records are written and before the log lists them.
    log_done = r"insert overwrite table \S+build_log .* true as done.*'stg_sinch__phone_terminated' as model"
    with killed_at(log_done):
        assert not both.spark.try_dbt("run", "-s", "stg_sinch__phone_terminated").success
    # While a day is written: a file is there already, in a partition that the catalogue does not know.
    day = both.spark.target_path.parent / "warehouse/marts.db/fact_calls"
    with killed_at(r"insert overwrite table marts\.fact_calls", lambda: leave_behind(day)):
        assert not both.spark.try_dbt("run").success
    both.run()
    assert both.spark.sql("select * from marts.fact_calls where call_date = '2026-10-05'").count() == 1
    both.compare()
    # After a day that goes was logged as not done, before its partition is dropped.
    both.loader("withdraw", "killed_phone_terminated.csv")
    both.export()
    with killed_at(r"alter table marts\.fact_calls drop"):
        assert not both.spark.try_dbt("run").success
    assert both.spark.sql("select * from marts.fact_calls where call_date = '2026-10-05'").count() == 1
    both.run()
    both.compare()
    # Between the old table's end and the new one's first row.
    with killed_at(r"insert overwrite table marts\.fact_calls"):
        assert not both.spark.try_dbt("run", "--full-refresh", "-s", "fact_calls").success
    assert both.spark.sql("select * from marts.fact_calls").count() == 0
    both.run()
    both.compare()


@contextmanager
def killed_at(statement: str, leaving: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Instead of running a statement, dbt's model ends there and then, with nothing after it."""
    from dbt.adapters.spark.session import Cursor
    from dbt_common.exceptions import DbtRuntimeError

    original = Cursor.execute

    def execute(self: Any, sql: str, *parameters: Any) -> None:
        if re.search(statement, " ".join(sql.split())):
            leaving()
            raise DbtRuntimeError("killed")
        original(self, sql, *parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cursor, "execute", execute)
        yield


def leave_behind(table: Path) -> None:
    file = next(table.glob("call_date=2026-11-2*/*.parquet"))
    folder = table / "call_date=2026-10-05"
    assert not folder.exists()
    folder.mkdir()
    shutil.copy(file, folder / "half-done.parquet")


@pytest.mark.parametrize("mode", ["hashed", "masked"])
def test_personal_data_is_hidden_the_same(both: Both, mode: str) -> None:
    variables = ("--vars", f"{{pii_mode: {mode}, reporting_timezone: America/New_York}}")
    both.run("--select", "fact_calls", "mart_cost_daily", "rejected_records", parse_arguments=variables)
    assert both.compare("marts.fact_calls", "marts.mart_cost_daily", "marts.rejected_records") > 0
    hidden = both.loader.query("select count(*) from marts.fact_calls where caller like '+467%'")
    assert mode == "masked" or hidden == [(0,)]
