"""Planted abuse is found, each case by its rule and with its calls; by increments as by one build."""

import json
import re
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from harness import REPOSITORY, Loader, Once
from warehouse import Warehouse, assert_equal

from loader.synth import synthesise

END = date(2026, 11, 22)
DAYS = 60
RULES = (
    "answer_ratio_drop",
    "dialer_like",
    "fas_like",
    "irsf_like",
    "low_trust_number",
    "new_destination",
    "no_failures",
    "off_hours_share",
    "short_call_burst",
    "spend_spike",
    "targeted_pumping",
    "toll_free_pumping",
    "wangiri_like",
)
SIGNALS = ("-s", "+mart_signals", "int_signals__excluded", "+mart_report_dates")
ONLY_SIGNALS = ("-s", "path:models/intermediate/signals", "mart_signals")


@pytest.fixture(scope="module")
def planted(once: Once, tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, list[dict[str, Any]]]:
    """Sixty days with planted cases, the last two delivered and built after the others."""

    def fill(folder: Path) -> None:
        loader = Loader(folder / "cdr.duckdb", folder / "inbox")
        synthesise(loader.inbox, days=DAYS, calls_per_day=12, seed=7, end=END, plants=True)
        warehouse = Warehouse(loader, folder / "target")
        days = END, END - timedelta(days=1)
        late = sorted(path for day in days for path in loader.inbox.rglob(f"*{day}*"))
        for path in late:
            path.rename(folder / path.name)
        loader("stage", loader.inbox, "-q")
        warehouse.dbt("seed")
        warehouse.dbt("run", *SIGNALS)
        for path in late:
            (folder / path.name).rename(path)
        loader("stage", loader.inbox, "-q")
        warehouse.dbt("run", *SIGNALS)

    filled = once("signals", fill)
    # Tests change it.
    folder = tmp_path_factory.mktemp("signals")
    loader = Loader(folder / "cdr.duckdb", filled / "inbox")
    shutil.copyfile(filled / "cdr.duckdb", loader.database)
    cases = json.loads((loader.inbox / "planted.json").read_text())
    return Warehouse(loader, folder / "target"), cases


def rows(warehouse: Warehouse, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with duckdb.connect(warehouse.loader.database, read_only=True) as connection:
        return connection.execute(query, parameters).fetchall()


@pytest.mark.parametrize("rule", RULES)
def test_a_planted_case_is_found_by_its_rule(
    planted: tuple[Warehouse, list[dict[str, Any]]], rule: str
) -> None:
    warehouse, cases = planted
    mine = [case for case in cases if case["rule"] == rule]
    assert mine
    for case in mine:
        entity = case["entity"].replace("|", " > ")
        day = date.fromisoformat(case["day"])
        # A window belongs to the day on which it ends.
        days = [day, day + timedelta(days=1)] if rule == "irsf_like" else [day]
        found = rows(
            warehouse,
            "select first_at, last_at, calls from marts.mart_signals"
            " where rule = ? and entity_type = ? and entity = ? and list_contains(?, signal_date)",
            rule,
            case["entity_type"],
            entity,
            days,
        )
        assert found, case
        first_at: datetime = min(row[0] for row in found)
        last_at: datetime = max(row[1] for row in found)
        of_case = rows(
            warehouse,
            "select count(*) from marts.fact_calls"
            " where list_contains(?, call_id) and called_at between ? and ?",
            case["call_ids"],
            first_at,
            last_at,
        )[0][0]
        assert of_case >= min(10, len(case["call_ids"]))


def test_windows_of_a_rule_and_entity_share_no_call(
    planted: tuple[Warehouse, list[dict[str, Any]]],
) -> None:
    warehouse, _ = planted
    overlapping = """
        select rule, entity, first_at, last_at
        from (
            select
                *,
                lag(last_at) over (partition by rule, entity_type, entity order by signal_date) as before
            from marts.mart_signals
        )
        where first_at <= before
    """
    assert rows(warehouse, overlapping) == []
    # From a signal to its calls, by the page's query: no call twice, though the burst is over midnight.
    readme = (REPOSITORY / "models" / "README.md").read_text()
    join = re.search(r"from marts.mart_signals as signals\n.*?        end\n", readme, re.DOTALL)
    assert join
    twice = f"""
        select signals.rule, signals.entity, calls.call_key {join[0]}
        group by all having count(*) > 1
    """
    assert rows(warehouse, twice) == []
    of_burst = (
        "select sum(calls), sum(amount_reporting) from marts.mart_signals"
        " where rule = 'irsf_like' and entity = 'planted-hijacked'"
    )
    there = (
        "select count(*), sum(amount_reporting) from marts.fact_calls"
        " where user_id = 'planted-hijacked' and callee_e164 like '+3090%'"
    )
    ((found, spent),) = rows(warehouse, of_burst)
    ((calls, charged),) = rows(warehouse, there)
    assert 0 < found <= calls
    assert spent <= charged


def test_increments_find_what_one_build_finds(planted: tuple[Warehouse, list[dict[str, Any]]]) -> None:
    warehouse, _ = planted
    tables = (
        "select table_schema || '.' || table_name from information_schema.tables"
        " where table_name like '%signal%'"
    )
    names = [name for (name,) in rows(warehouse, tables)]
    before = {name: rows(warehouse, f"select * from {name} order by all") for name in names}
    warehouse.dbt("run", "--full-refresh", *ONLY_SIGNALS)
    assert_equal(before, {name: rows(warehouse, f"select * from {name} order by all") for name in names})


def test_the_newest_day_can_fail_a_build(planted: tuple[Warehouse, list[dict[str, Any]]]) -> None:
    warehouse, _ = planted
    test = ("-s", "assert_no_signals_to_fail_on")
    assert warehouse.try_dbt("test", *test).success
    fail_on = ("--vars", "{signals_fail_on: critical}")
    assert not warehouse.try_dbt("test", *test, *fail_on).success
    # What was reported once does not fail the next build again; without the memory the newest day does.
    assert warehouse.try_dbt("test", *test, *fail_on).success
    warehouse.loader.execute("drop table intermediate.build_signal_looks")
    results = warehouse.try_dbt("test", *test, *fail_on).result.results
    newest = rows(
        warehouse,
        "select count(distinct (rule, entity_type)) from marts.mart_signals where severity = 'critical'"
        " and signal_date = (select max(report_date) from marts.mart_report_dates where is_complete)",
    )
    assert [(result.failures,) for result in results if result.node.resource_type == "test"] == newest


# When the burst of 2026-11-21 23:40 UTC is reported: with that day's file in UTC, else with the next, since a
# local day ends in it. Then when an older day has another signal.
REPORTED = {
    "UTC": [0, 1, 0, 0, 1, 0],
    "Asia/Kathmandu": [0, 0, 1, 0, 1, 0],
    "America/New_York": [0, 0, 1, 0, 1, 0],
}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A database whose files and signals a test makes up."""
    folder = tmp_path_factory.mktemp("bare")
    loader = Loader(folder / "cdr.duckdb", folder)
    warehouse = Warehouse(loader, folder / "target")
    loader.execute("""
        create schema staging; create schema intermediate; create schema marts;
        create table staging.stg_sinch__files
            (file_id bigint, kind text, state text, file_date date, is_future_dated boolean);
        create table marts.mart_feed_completeness (file_date date, call_type text, status text);
        create table marts.mart_signals (rule text);
        create table intermediate.int_signals__found (
            rule text, entity_type text, entity text, other_entity text, application_key text, severity text,
            is_excluded boolean, signal_date date
        );
    """)
    return warehouse


@pytest.mark.parametrize("zone", REPORTED)
def test_a_burst_is_reported_once_in_every_time_zone(bare: Warehouse, zone: str) -> None:
    loader = bare.loader
    arguments = ("--vars", json.dumps({"reporting_timezone": zone, "signals_fail_on": "warn"}))
    loader.execute("""
        drop table if exists intermediate.build_signal_looks;
        delete from staging.stg_sinch__files; delete from marts.mart_feed_completeness;
        delete from intermediate.int_signals__found;
    """)

    def add_signal(moment: str, entity: str, severity: str = "warn") -> None:
        # As the loader would, a signal is on the day of its last call in the time zone.
        day = datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).date()
        loader.execute(
            "insert into intermediate.int_signals__found values "
            f"('targeted_pumping', 'caller_callee', '{entity}', '+4612', null, '{severity}', false, '{day}')"
        )

    def deliver(day: str) -> None:
        loader.execute(
            "insert into staging.stg_sinch__files"
            f" values (1, 'app_app', 'current', '{day}', false);"
            f"insert into marts.mart_feed_completeness values ('{day}', 'app_app', 'present')"
        )

    def fails(day: str | None = None) -> int:
        if day:
            deliver(day)
        chosen = ("-s", "mart_report_dates", "assert_no_signals_to_fail_on")
        return int(
            not bare.try_dbt("build", *chosen, "--exclude-resource-type", "unit_test", *arguments).success
        )

    deliver("2026-11-19")
    # A mistyped year, and a rule that only informs, neither silence a day nor fail one.
    add_signal("2062-07-15T12:00:00+00:00", "+4600")
    add_signal("2026-11-20T12:00:00+00:00", "+4601", "info")
    sequence = [fails("2026-11-20")]
    add_signal("2026-11-21T23:40:00+00:00", "+4610")
    sequence += [fails(day) for day in ("2026-11-21", "2026-11-22", "2026-11-23")]
    # An older day has another signal than at the last look.
    add_signal("2026-11-20T12:00:00+00:00", "+4620")
    sequence += [fails(), fails()]
    assert sequence == REPORTED[zone]


def test_rules_see_clear_values_and_the_mart_shows_masked_ones(
    planted: tuple[Warehouse, list[dict[str, Any]]],
) -> None:
    warehouse, _ = planted
    per_rule = "select rule, entity_type, sum(calls) from marts.mart_signals group by all order by all"
    found = "select * from intermediate.int_signals__found order by all"
    clear, rules_found = rows(warehouse, per_rule), rows(warehouse, found)
    masked = ("--vars", "{pii_mode: masked}")
    warehouse.dbt("run", "-s", "fact_calls", "int_calls__clear", *ONLY_SIGNALS[1:], parse_arguments=masked)
    assert rows(warehouse, found) == rules_found
    assert rows(warehouse, per_rule) == clear
    personal = rows(
        warehouse,
        "select entity from marts.mart_signals where not entity_type like 'application%'",
    )
    assert personal
    assert all(entity.endswith("****") for (entity,) in personal)
    warehouse.dbt("run", "-s", "fact_calls", "int_calls__clear", *ONLY_SIGNALS[1:])


def test_an_exclusion_is_followed_and_counted(planted: tuple[Warehouse, list[dict[str, Any]]]) -> None:
    warehouse, _ = planted
    with duckdb.connect(warehouse.loader.database) as connection:
        connection.execute(
            "insert into reference.signal_exclusions"
            " values ('wangiri_like', '+4930568011', '2026-12-31', 'ours')"
        )
    warehouse.dbt("run", *ONLY_SIGNALS)
    wangiri = "select count(*) from marts.mart_signals where rule = 'wangiri_like'"
    assert rows(warehouse, wangiri) == [(0,)]
    assert rows(
        warehouse, "select rule, excluded_signals, calls from intermediate.int_signals__excluded"
    ) == [("wangiri_like", 1, 80)]
    assert warehouse.try_dbt("test", "-s", "assert_every_signal_is_shown_or_excluded").success


def test_a_rule_that_is_switched_off_is_silent(planted: tuple[Warehouse, list[dict[str, Any]]]) -> None:
    warehouse, _ = planted
    with duckdb.connect(warehouse.loader.database) as connection:
        connection.execute(
            "update reference.signal_rules set value = 'false'"
            " where rule = 'dialer_like' and setting = 'enabled'"
        )
    warehouse.dbt("run", *ONLY_SIGNALS)
    assert rows(warehouse, "select count(*) from marts.mart_signals where rule = 'dialer_like'") == [(0,)]
