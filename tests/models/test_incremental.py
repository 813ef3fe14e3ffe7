"""Whatever is delivered, edited, selected, killed or lost: a plain build repairs the tables.

Each history is a list of steps on a database that is built already. They end alike: a plain build, a check
that the log matches the tables, and a full refresh to compare with, table by table.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest
from builders import header
from harness import REPOSITORY, Loader, Once, environment
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from warehouse import Warehouse, assert_equal

from loader.operations.verify import increment_laws

# What a history builds: models of every form, so that a build takes seconds. Other tests build all of them.
BUILT = "+mart_cost_daily +mart_traffic_hourly +mart_feed_invalid_fields +call_conflicts"
INCREMENTAL = "config.materialized:incremental_by_unit,{0} call_conflicts"
COMPARED = ("staging", "intermediate", "marts")
# It may hold records that have no rival any more.
NOT_COMPARED = "intermediate.int_calls__contenders"

Call = tuple[str, str, str, str]
Edit = Callable[[Any], None]


def content(kind: str, records: tuple[Call, ...]) -> str:
    """A file of records (call id, time, duration, amount); others than these fields are the same in all."""
    lines = [header(kind)]
    for call_id, call_time, duration, amount in records:
        fields = {
            "CallId": call_id,
            "CallTime": call_time,
            "Result": "ANSWERED" if duration else "BUSY",
            "Reason": "N/A",
            "Duration": duration,
            "Amount": amount,
            "Currency": "USD" if amount == "0.25" else "EUR",
            "To": "+46701234567",
            "Custom": "note",
            "ApplicationKey": "6F1C2D9A4B7E4C359A580D2E7B61C4F3",
        }
        lines.append(";".join(fields.get(name, "") for name in lines[0].split(";")))
    return "".join(line + "\n" for line in lines)


@dataclass
class World:
    """A database with its deliveries, and every step that a history can take."""

    warehouse: Warehouse
    vars: tuple[str, ...] = ()

    @property
    def loader(self) -> Loader:
        return self.warehouse.loader

    def deliver(
        self, name: str, *records: Call, day: str = "2026-11-19", kind: str = "phone_terminated"
    ) -> None:
        """A file, or another version of one that is there."""
        self.loader("stage", self.loader.write(f"{day}/{name}_{kind}.csv", content(kind, records)))

    def withdraw(self, name: str) -> None:
        current = [
            i for i, file, state in self.loader.states() if file.startswith(name) and state == "current"
        ]
        self.loader("withdraw", current[-1])

    def purge(self, before: str) -> None:
        self.loader("purge", "--before", before, "--yes")

    def sql(self, statement: str) -> None:
        """A seed that is edited, or a table that somebody drops."""
        self.loader.execute(statement)

    def edit(self, model: str, old: str, new: str) -> None:
        """A model's SQL, from now on."""

        def change(manifest: Any) -> None:
            node = manifest.nodes[f"model.sinch_cdr.{model}"]
            assert old in node.raw_code
            node.raw_code = node.raw_code.replace(old, new)

        self._and(change)

    def edit_macro(self, macro: str, old: str, new: str) -> None:
        """A macro's text, from now on."""

        def change(manifest: Any) -> None:
            node = manifest.macros[f"macro.sinch_cdr.{macro}"]
            assert old in node.macro_sql
            node.macro_sql = node.macro_sql.replace(old, new)

        self._and(change)

    def _and(self, change: Edit) -> None:
        before = self.warehouse.edit

        def both(manifest: Any) -> None:
            if before:
                before(manifest)
            change(manifest)

        self.warehouse.edit = both

    def run(self, select: str = BUILT, *arguments: str, code: bool = True) -> None:
        """A build of some models; it may fail where `code` is false."""
        # pii_mode decides which seeds fact_calls reads: a matter of parsing.
        parsed, given = (self.vars, ()) if "pii_mode" in "".join(self.vars) else ((), self.vars)
        outcome = self.warehouse.try_dbt(
            "run", "-s", *select.split(), *arguments, *given, parse_arguments=parsed
        )
        messages = [
            f"{r.node.name}: {r.message}"
            for r in getattr(outcome.result, "results", [])
            if r.status != "success"
        ]
        assert outcome.success or not code, f"{outcome.exception} {messages}"

    def whole(self, select: str) -> None:
        """Models computed whole. One whose inputs are behind refuses."""
        self.run(select, "--full-refresh", code=False)

    def failing(self, model: str) -> None:
        """A build in which a model fails after its rows were written."""
        before = self.warehouse.edit

        def fails(manifest: Any) -> None:
            if before:
                before(manifest)
            manifest.nodes[f"model.sinch_cdr.{model}"].config.post_hook[-1].sql = "select error('no')"

        self.warehouse.edit = fails
        self.run(code=False)
        self.warehouse.edit = before

    def tables(self) -> dict[str, Any]:
        found = self.warehouse.tables(*COMPARED)
        memory = ("intermediate.build_", NOT_COMPARED)
        return {name: rows for name, rows in found.items() if not name.startswith(memory)}

    def check(self) -> None:
        """The end of every history."""
        self.run()
        found = self.tables()
        with duckdb.connect(self.loader.database, read_only=True) as connection:
            assert not [law for law in increment_laws(connection) if law.ok is False]
        kept = self.loader.database.with_suffix(".kept")
        shutil.copyfile(self.loader.database, kept)
        self.run(" ".join(INCREMENTAL.format(part) for part in BUILT.split()), "--full-refresh")
        expected = self.tables()
        shutil.copyfile(kept, self.loader.database)
        assert_equal(found, expected)


def _only_built(manifest: Any) -> None:
    """Leave what a history builds, and what that reads."""
    wanted = [f"model.sinch_cdr.{name.removeprefix('+')}" for name in BUILT.split()]
    # Hooks of a run are nodes, too.
    kept = {name: node for name, node in manifest.nodes.items() if node.resource_type == "operation"}
    while wanted:
        name = wanted.pop()
        if name in manifest.nodes and name not in kept:
            kept[name] = manifest.nodes[name]
            wanted += kept[name].depends_on.nodes if hasattr(kept[name].depends_on, "nodes") else []
    manifest.nodes = kept
    manifest.unit_tests = manifest.exposures = manifest.metrics = manifest.semantic_models = {}


def _quick(manifest: Any) -> None:
    for node in manifest.nodes.values():
        if hasattr(node.config, "persist_docs"):
            node.config.persist_docs = {}


# x is in both files; b has the later date and wins. `late` is open over midnight, `dup` an exact duplicate.
A = (
    ("x", "2026-11-18T23:59:30.5Z", "45", "0.10"),
    ("y", "2026-11-19T10:00:00Z", "60", "0.25"),
    ("late", "2026-11-19T23:59:30Z", "90000", "0.10"),
    ("dup", "2026-11-19T12:00:00Z", "10", "0.10"),
    ("odd", "2026-11-19T12:00:00Z", "10", "1,5"),
)
B = (
    ("x", "2026-11-20T10:00:00Z", "60", "0.25"),
    ("z", "2026-11-20T00:00:00Z", "", "0.10"),
    ("dup", "2026-11-19T12:00:00Z", "10", "0.10"),
)
B_WITHOUT_X = B[1:]


def with_first_deliveries(folder: Path) -> World:
    """A database with the seeds and the deliveries that every history begins with, nothing built of them."""
    loader = Loader(folder / "cdr.duckdb", folder / "inbox")
    world = World(Warehouse(loader, folder / "target", _quick, _only_built))
    world.deliver("a", *A)
    world.deliver("b", *B, day="2026-11-20")
    world.deliver("s", *A[:2], kind="sip_terminated")
    world.warehouse.dbt("seed")
    return world


@dataclass
class Start:
    """A database whose models are all built: every later build is an increment."""

    warehouse: Warehouse
    copy: Path

    def again(self) -> World:
        shutil.copyfile(self.copy, self.warehouse.loader.database)
        shutil.rmtree(self.warehouse.loader.inbox, ignore_errors=True)
        self.warehouse.edit = _quick
        return World(self.warehouse)


@pytest.fixture(scope="module")
def start(once: Once, tmp_path_factory: pytest.TempPathFactory) -> Start:
    copy = once("start", lambda folder: with_first_deliveries(folder).run()) / "cdr.duckdb"
    folder = tmp_path_factory.mktemp("incremental")
    loader = Loader(folder / "cdr.duckdb", folder / "inbox")
    return Start(Warehouse(loader, folder / "target", _quick, _only_built), copy)


@pytest.fixture
def world(start: Start) -> World:
    return start.again()


STAGING = "path:models/staging"
FACT = "fact_calls"
MARTS = "mart_cost_daily mart_traffic_hourly"


def _correct_b(world: World) -> None:
    world.deliver("b", *B_WITHOUT_X, day="2026-11-20")


def lost_call_by_a_whole_fact(world: World) -> None:
    _correct_b(world)
    world.run(STAGING)
    world.whole(FACT)


def lost_call_by_a_withdrawal_and_a_seed(world: World) -> None:
    world.withdraw("b")
    world.run(STAGING)
    world.sql("update reference.outcome_map set outcome = 'dropped_error' where result = 'ANSWERED'")
    world.run(f"{FACT} {MARTS}")


def seed_followed_by_the_fact_before_its_table(world: World) -> None:
    world.sql("update reference.calling_codes set country_code = 'NO' where prefix = '46'")
    world.run(f"{FACT} {MARTS}")


def calendars_far_away(world: World) -> None:
    world.vars = ("--vars", "{reporting_timezone: Europe/London}")
    world.deliver(
        "far", ("f", "2062-07-15T23:30:00Z", "5", "0.10"), ("g", "2099-12-31T23:59:59Z", "5", "0.10")
    )
    world.deliver("n", ("h", "1990-01-01T00:00:00Z", "5", "0.10"), ("i", "0001-01-01T00:00:00Z", "5", "0.10"))
    world.run()
    world.vars = ("--vars", "{reporting_timezone: Pacific/Auckland}")


def log_lost_then_purge_and_one_mart(world: World) -> None:
    world.sql("drop table intermediate.build_log")
    world.purge("2026-11-20")
    world.run("mart_cost_daily", code=False)


def staging_rule_edited(world: World) -> None:
    typed = "typed_records('phone_terminated')"
    custom, call_id = 'adapter.quote("Custom")', 'adapter.quote("CallId")'
    edited = f"{typed} | replace({custom}, {custom} ~ ' || ' ~ {call_id})"
    world.edit("stg_sinch__phone_terminated", typed, edited)
    world.run("stg_sinch__phone_terminated")
    world.deliver("n", ("m", "2026-11-21T10:00:00Z", "5", "0.10"))


def correction(world: World) -> None:
    world.deliver("a", ("y", "2026-11-22T10:00:00Z", "61", "0.25"))


def conflict_across_files(world: World) -> None:
    world.deliver(
        "c", ("x", "2026-11-21T10:00:00Z", "1", ""), ("y", "2026-11-17T10:00:00Z", "1", "5"), day="2026-11-21"
    )
    world.run(f"{STAGING} int_calls__contenders")


def winner_withdrawn(world: World) -> None:
    world.withdraw("b")


def everything_withdrawn(world: World) -> None:
    for name in "abs":
        world.withdraw(name)


def purge(world: World) -> None:
    world.purge("2026-11-20")
    world.run("mart_cost_daily")


def call_over_midnight_corrected(world: World) -> None:
    world.deliver("a", *A[:2], ("late", "2026-11-19T23:59:30Z", "20", "0.10"))
    world.run("fact_calls mart_traffic_hourly")


def empty_version(world: World) -> None:
    world.deliver("s", ("", "no time", "", ""), kind="sip_terminated")
    world.deliver("e", day="2026-11-23")


def delivered_and_gone_between_builds(world: World) -> None:
    world.deliver("n", ("m", "2026-11-25T10:00:00Z", "5", "0.10"))
    world.run(STAGING)
    world.withdraw("n")


def delivered_back_and_forth(world: World) -> None:
    _correct_b(world)
    world.run()
    world.deliver("b", *B, day="2026-11-20")
    world.run(FACT)


def rate_of_one_day(world: World) -> None:
    world.sql(
        "update reference.fx_rates set rate = 0.5 where rate_date = '2026-11-20' and from_currency = 'USD'"
    )
    world.run(f"{FACT} mart_cost_daily")


def rates_gone(world: World) -> None:
    world.sql("delete from reference.fx_rates where from_currency = 'USD'")


def variable_there_and_back(world: World) -> None:
    world.vars = ("--vars", "{pii_mode: masked, longest_call_seconds: 60}")
    world.warehouse.dbt("seed", "-s", "applications", parse_arguments=world.vars)
    world.run(f"{STAGING} fact_calls")
    world.vars = ()
    world.run("mart_cost_daily")
    world.vars = ("--vars", "{reporting_timezone: America/New_York, longest_call_seconds: 60}")


def view_edited_and_not_built(world: World) -> None:
    world.edit("int_calls__normalised", "{{ upper_case('currency') }}", "lower(currency)")
    world.run(FACT)
    world.run("int_calls__normalised mart_cost_daily")


def macro_edited(world: World) -> None:
    world.edit_macro("duckdb__upper_case", "upper(", "lower(")
    world.run(f"{FACT} int_calls__contenders")


def fact_edited(world: World) -> None:
    world.edit("fact_calls", "converted.call_id,", "upper(converted.call_id) as call_id,")
    world.run("mart_cost_daily")


def staging_ahead_of_contenders_by_a_rule(world: World) -> None:
    world.edit("stg_sinch__phone_terminated", "typed_records(", " typed_records(")
    world.edit_macro("parsed", "to_decimal(text)", "to_decimal('concat(' ~ text ~ ', 1)')")
    world.run(STAGING)
    world.run(f"{FACT} {MARTS}")
    world.whole(FACT)


def downstream_first(world: World) -> None:
    world.deliver("c", ("x", "2026-11-21T10:00:00Z", "1", ""), day="2026-11-21")
    for selection in ("mart_cost_daily", FACT, "int_calls__contenders", STAGING, "mart_traffic_hourly"):
        world.run(selection)


def failed_between_staging_and_fact(world: World) -> None:
    _correct_b(world)
    world.failing("int_calls__contenders")
    world.whole(FACT)


def failed_fact(world: World) -> None:
    _correct_b(world)
    world.failing("fact_calls")


def one_staging_model_whole(world: World) -> None:
    _correct_b(world)
    world.whole("stg_sinch__phone_terminated")
    world.run(MARTS)


def fact_dropped(world: World) -> None:
    world.deliver("n", ("m", "2026-11-21T10:00:00Z", "5", "0.10"))
    world.sql("drop table marts.fact_calls cascade")
    world.run(f"{STAGING} {FACT}")


def contenders_dropped(world: World) -> None:
    _correct_b(world)
    world.sql("drop table intermediate.int_calls__contenders cascade")
    world.run(STAGING)


def log_dropped(world: World) -> None:
    world.withdraw("a")
    world.sql("drop table intermediate.build_log")
    world.run(f"{FACT} {MARTS}")
    world.run(STAGING)


def log_of_one_model_lost(world: World) -> None:
    _correct_b(world)
    world.sql(
        "delete from intermediate.build_log where model in ('int_calls__contenders', 'mart_cost_daily')"
    )
    world.run(f"{STAGING} {FACT}")


def killed_after_the_log_was_marked(world: World) -> None:
    """What a build leaves where statements share no transaction: one unit is to go, the others to come."""
    world.withdraw("b")
    world.sql(
        "update intermediate.build_log set version = null where model = 'fact_calls' and unit like '2|%'"
    )
    world.sql("update intermediate.build_log set done = false where model = 'fact_calls'")


def nothing_read(world: World) -> None:
    world.deliver("n", ("m", "2026-11-21T10:00:00Z", "5", "0.10"))
    world.run(BUILT, "--empty")
    world.run(f"{FACT} mart_cost_daily", "--empty", "--full-refresh")


HISTORIES = [
    value
    for name, value in list(globals().items())
    if callable(value)
    and getattr(value, "__annotations__", {}) == {"world": World, "return": None}
    and not name.startswith("_")
]


# What another one tries in a like way.
SOAKED = (rates_gone, contenders_dropped, log_of_one_model_lost, one_staging_model_whole, fact_dropped)


@pytest.mark.parametrize(
    "history",
    [pytest.param(one, marks=pytest.mark.soak) if one in SOAKED else one for one in HISTORIES],
    ids=lambda history: history.__name__,
)
def test_a_plain_build_repairs(world: World, history: Callable[[World], None]) -> None:
    history(world)
    world.check()


def test_a_build_that_changes_nothing_writes_nothing(world: World) -> None:
    def log() -> list[tuple[Any, ...]]:
        return world.loader.query("select * from intermediate.build_log order by all")

    before = log()
    world.run()
    world.run("fact_calls", "--full-refresh")
    assert [row[:4] for row in log()] == [row[:4] for row in before]
    changed = {row[-1] for row in log() if row not in before}
    assert changed <= {"fact_calls"}


def test_a_changed_contract_rebuilds_the_table(world: World) -> None:
    def required() -> list[tuple[Any, ...]]:
        return world.loader.query(
            "select count(*) from duckdb_constraints()"
            " where table_name = 'mart_cost_daily' and constraint_type = 'NOT NULL'"
        )

    def relax(manifest: Any) -> None:
        manifest.nodes["model.sinch_cdr.mart_cost_daily"].columns["report_date"].constraints.clear()

    ((before,),) = required()
    world._and(relax)
    world.run("mart_cost_daily")
    assert required() == [(before - 1,)]
    world.check()


def test_a_new_file_writes_its_own_units_only(world: World) -> None:
    world.deliver("n", ("m", "2026-11-19T10:00:00Z", "5", "0.10"))
    before = dict(world.loader.query("select model || unit, logged_at from intermediate.build_log"))
    world.run()
    after = dict(world.loader.query("select model || unit, logged_at from intermediate.build_log"))
    written = {unit for unit in after if after[unit] != before.get(unit)}
    assert {unit for unit in written if unit.startswith("fact_calls")} == {"fact_calls4|2026-11-19"}
    assert {unit for unit in written if unit.startswith("mart_cost_daily")} == {"mart_cost_daily2026-11-19"}


def test_days_are_computed_in_batches(world: World) -> None:
    def rows() -> list[tuple[Any, ...]]:
        return world.loader.query(
            "select date, * exclude (date) from marts.mart_traffic_hourly order by rowid"
        )

    at_once = rows()
    days = [row[0] for row in at_once]
    assert days != sorted(days), "one statement keeps no order, so that the order shows batches"
    world.vars = ("--vars", "{calls_at_once: 1}")
    world.run(MARTS, "--full-refresh")
    in_batches = rows()
    assert [row[0] for row in in_batches] == sorted(days)
    assert sorted(in_batches, key=repr) == sorted(at_once, key=repr)
    assert not _broken(world)


def _broken(world: World) -> list[tuple[str, str]]:
    with duckdb.connect(world.loader.database, read_only=True) as connection:
        return [(law.law, law.detail) for law in increment_laws(connection) if law.ok is False]


def test_verify_names_what_is_behind_and_what_helps(world: World) -> None:
    world.deliver("n", ("m", "2026-11-21T10:00:00Z", "5", "0.10"))
    world.run(f"{STAGING} int_calls__contenders")
    behind = dict(_broken(world))
    assert behind["per unit: fact_calls follows what it reads"] == "behind for 4|2026-11-21; run `cdr build`"
    world.run()
    assert not _broken(world)
    world.sql("delete from marts.fact_calls where call_id = 'm'")
    law, detail = _broken(world)[0]
    assert law == "per unit: records of fact_calls = records logged"
    assert "4|2026-11-21" in detail
    assert detail.endswith("run `cdr build --full-refresh -s fact_calls`")
    world.run(FACT, "--full-refresh")
    assert not _broken(world)


@pytest.mark.parametrize("model", ["stg_sinch__phone_terminated", "fact_calls"])
def test_the_next_build_completes_a_killed_one(world: World, model: str) -> None:
    _correct_b(world)
    world.deliver("n", ("m", "2026-11-19T10:00:00Z", "5", "0.10"))
    with world.warehouse.environment():
        variables = environment() | {"PYTHONUNBUFFERED": "1"}
    target = world.warehouse.target_path
    command = [
        sys.executable,
        "-m",
        "dbt.cli.main",
        "--no-use-colors",
        "run",
        "--threads",
        "1",
        "-s",
        *BUILT.split(),
    ]
    folders = ["--project-dir", str(REPOSITORY), "--profiles-dir", str(REPOSITORY / "profiles")]
    paths = ["--target-path", str(target), "--log-path", str(target)]
    process = subprocess.Popen([*command, *folders, *paths], stdout=subprocess.PIPE, text=True, env=variables)
    assert process.stdout is not None
    for line in process.stdout:
        if "START" in line and f".{model} " in line:
            process.kill()
            break
    process.wait()
    assert process.returncode == -9
    world.check()


class Histories(RuleBasedStateMachine):
    """Any steps in any order. Hypothesis prints a history that fails, and what finds it again."""

    start: ClassVar[Start]

    days = st.sampled_from(["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"])
    records = st.lists(
        st.tuples(
            st.sampled_from(["x", "y", "z", "late", "new", ""]),
            st.tuples(days, st.sampled_from(["T00:00:00Z", "T23:59:30.5Z"])).map("".join)
            | st.just("no time"),
            st.sampled_from(["0", "45", "90000", ""]),
            st.sampled_from(["0.10", "0.25", "", "1,5"]),
        ),
        max_size=6,
    )
    models = st.sampled_from([STAGING, "int_calls__contenders", FACT, MARTS, f"{FACT}+ {MARTS}", BUILT])

    @initialize()
    def begin(self) -> None:
        self.world = self.start.again()

    @rule(
        name=st.sampled_from("abc"),
        day=days,
        kind=st.sampled_from(["phone_terminated", "phone_originated"]),
        records=records,
    )
    def deliver(self, name: str, day: str, kind: str, records: list[Call]) -> None:
        self.world.deliver(name, *records, day=day, kind=kind)

    @rule(back=st.integers(0, 2))
    def withdraw(self, back: int) -> None:
        current = [file_id for file_id, _, state in self.world.loader.states() if state == "current"]
        if len(current) > back:
            self.world.loader("withdraw", current[-1 - back])

    @rule(before=days)
    def purge(self, before: str) -> None:
        self.world.purge(before)

    @rule(country=st.sampled_from(["NO", "SE", "FI"]))
    def edit_seed(self, country: str) -> None:
        self.world.sql(f"update reference.calling_codes set country_code = '{country}' where prefix = '46'")

    @rule(zone=st.sampled_from(["UTC", "America/New_York", "Pacific/Auckland"]))
    def set_variable(self, zone: str) -> None:
        self.world.vars = ("--vars", f"{{reporting_timezone: {zone}}}")

    @rule(number=st.integers(0, 9))
    def edit_rule(self, number: int) -> None:
        typed = "typed_records('phone_terminated')"
        edited = f"""{typed} | replace('"Custom"', '{number} || "Custom"')"""
        self.world.edit("stg_sinch__phone_terminated", typed, edited)

    @rule(select=models)
    def build(self, select: str) -> None:
        self.world.run(select, code=False)

    @rule(select=models)
    def compute_whole(self, select: str) -> None:
        self.world.whole(select)

    @rule(model=st.sampled_from(["stg_sinch__phone_terminated", "int_calls__contenders", "fact_calls"]))
    def fail(self, model: str) -> None:
        self.world.failing(model)

    @rule()
    def lose_the_log(self) -> None:
        self.world.sql("drop table if exists intermediate.build_log")

    @rule(
        table=st.sampled_from(
            ["marts.mart_cost_daily", "marts.fact_calls", "staging.stg_sinch__phone_terminated"]
        )
    )
    def drop_table(self, table: str) -> None:
        self.world.sql(f"drop table if exists {table}")

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.check()


ALWAYS: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],
    "database": None,
    "print_blob": True,
}


@pytest.fixture
def histories(start: Start) -> type[Histories]:
    Histories.start = start
    return Histories


def test_random_histories(histories: type[Histories]) -> None:
    run_state_machine_as_test(
        histories, settings=settings(max_examples=2, stateful_step_count=5, derandomize=True, **ALWAYS)
    )


@pytest.mark.soak
def test_many_random_histories(histories: type[Histories]) -> None:
    run_state_machine_as_test(histories, settings=settings(max_examples=60, stateful_step_count=12, **ALWAYS))
