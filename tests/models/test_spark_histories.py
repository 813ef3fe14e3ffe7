"""Histories of test_incremental.py on Spark: a plain build ends them with the tables that DuckDB has.

Each takes Spark more than a minute, so `make test-spark` plays some: a lost winner, a seed, a rate, a table
and a log that are dropped, an edited rule. `make soak-spark` plays the others. Increments of every table and
kills are in test_spark.py.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from harness import Loader, Once
from warehouse import Warehouse

from loader.feeds import KINDS
from tests.models.test_incremental import (
    BUILT,
    HISTORIES,
    World,
    _only_built,
    _quick,
    fact_dropped,
    log_dropped,
    lost_call_by_a_whole_fact,
    lost_call_by_a_withdrawal_and_a_seed,
    rate_of_one_day,
    seed_followed_by_the_fact_before_its_table,
    staging_rule_edited,
    with_first_deliveries,
)
from tests.models.test_spark import Both, SparkWarehouse

pytestmark = pytest.mark.spark

# What histories do by hand: seeds and the log edited, tables dropped.
_UPDATE = re.compile(r"update (reference\.\w+) set (\w+) = (\S+) where (.*)")
_DELETE = re.compile(r"delete from (\w+\.\w+) where (.*)")
_DROP = re.compile(r"drop table (\w+\.\w+)( cascade)?")


class QuickSparkWarehouse(SparkWarehouse):
    """With Spark's settings for tables of ten rows: a catalogue in memory and no code made for each query."""

    @contextmanager
    def environment(self) -> Iterator[None]:
        from pyspark.sql import SparkSession

        with super().environment():
            settings = {
                "spark.master": "local[1]",
                "spark.driver.memory": "2g",
                "spark.sql.catalogImplementation": "in-memory",
                "spark.sql.codegen.wholeStage": "false",
                "spark.sql.codegen.factoryMode": "NO_CODEGEN",
                "spark.sql.adaptive.enabled": "false",
                "spark.sql.warehouse.dir": str(self.target_path.parent / "warehouse"),
                "spark.ui.enabled": "false",
                "spark.log.level": "ERROR",
            }
            builder = SparkSession.builder
            for name, value in settings.items():
                builder = builder.config(name, value)
            builder.getOrCreate()
            yield

    def rewrite(self, table: str, query: str) -> None:
        """Replace a table's rows by those of a query: Parquet tables have no updates."""
        from pyspark.sql import SparkSession

        session = SparkSession.builder.getOrCreate()
        found = session.sql(query)
        rows = session.createDataFrame(found.collect(), found.schema)
        session.sql(f"truncate table {table}")
        rows.write.insertInto(table)


@dataclass
class SparkWorld(World):
    """Deliveries and edits as in a World; what is built is built on Spark."""

    both: Both = field(kw_only=True)
    seeds: set[str] = field(default_factory=set)

    @property
    def spark(self) -> QuickSparkWarehouse:
        assert isinstance(self.warehouse, QuickSparkWarehouse)
        return self.warehouse

    def run(self, select: str = BUILT, *arguments: str, code: bool = True) -> None:
        self.both.export()
        # The catalogue in memory makes no folders for tables of files, as Hive's does.
        for kind in KINDS:
            (self.loader.database.parent / "export" / kind).mkdir(exist_ok=True)
        super().run(select, *arguments, code=code)

    def sql(self, statement: str) -> None:
        statement = statement.strip()
        if dropped := _DROP.fullmatch(statement):
            self.spark.sql(f"drop table {dropped[1]}")
            return
        if deleted := _DELETE.fullmatch(statement):
            table, query = deleted[1], f"select * from {deleted[1]} where not ({deleted[2]})"
        else:
            updated = _UPDATE.fullmatch(statement)
            assert updated, statement
            table, column, value, condition = updated.groups()
            columns = [
                f"case when {condition} then {value} else {name} end as {name}" if name == column else name
                for name in self.spark.sql(f"select * from {table}").columns
            ]
            query = f"select {', '.join(columns)} from {table}"
        self.spark.rewrite(table, query)
        schema, name = table.split(".")
        # Of what is built, DuckDB has nothing before the end.
        if schema == "reference":
            super().sql(statement)
            self.seeds.add(name)

    def edit_macro(self, macro: str, old: str, new: str) -> None:
        for engine in ("duckdb__", "spark__"):
            super().edit_macro(macro.replace("duckdb__", engine), old, new)

    def check(self) -> None:
        self.run()
        self.both.duckdb.edit = self.warehouse.edit
        outcome = self.both.duckdb.try_dbt("run", "-s", *BUILT.split(), "--full-refresh", *self.vars)
        assert outcome.success, outcome.exception
        assert self.both.compare() > 0


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("histories")
    loader = Loader(folder / "cdr.duckdb", folder / "inbox")
    spark = QuickSparkWarehouse(loader, folder / "target-spark", _quick, _only_built)
    both = Both(loader, Warehouse(loader, folder / "target", _quick, _only_built), spark)
    yield both
    spark.stop()


@pytest.fixture
def world(both: Both, once: Once) -> Iterator[SparkWorld]:
    """The state in which every history begins. A plain build repairs what the history before left."""
    start = once("spark_start", with_first_deliveries)
    shutil.copyfile(start / "cdr.duckdb", both.loader.database)
    for folder in (both.loader.inbox, both.loader.database.parent / "export"):
        shutil.rmtree(folder, ignore_errors=True)
    both.spark.edit = _quick
    world = SparkWorld(both.spark, both=both)
    seeded = both.spark.target_path.parent / "warehouse" / "reference.db"
    if not seeded.exists():
        world.run("path:models/staging")
        both.spark.dbt("seed")
    world.run()
    yield world
    if world.seeds:
        both.spark.dbt("seed", "-s", *world.seeds)


PLAYED = (
    lost_call_by_a_whole_fact,
    lost_call_by_a_withdrawal_and_a_seed,
    seed_followed_by_the_fact_before_its_table,
    rate_of_one_day,
    staging_rule_edited,
    fact_dropped,
    log_dropped,
)


@pytest.mark.parametrize(
    "history",
    [one if one in PLAYED else pytest.param(one, marks=pytest.mark.soak) for one in HISTORIES],
    ids=lambda history: history.__name__,
)
def test_a_plain_build_repairs(world: SparkWorld, history: Callable[[World], None]) -> None:
    history(world)
    world.check()
