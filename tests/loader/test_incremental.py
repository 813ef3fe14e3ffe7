"""Whatever is delivered, corrected, withdrawn and purged: the increments' tables equal a full refresh's."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from builders import delivery, header
from harness import REPOSITORY, Loader
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from warehouse import Warehouse, assert_equal

DAYS = ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"]
COMPARED = ("staging", "marts")


@dataclass(frozen=True)
class Deliver:
    """A file arrives: a new one, or another version of one that is there."""

    kind: str
    file_date: str
    name: str
    records: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True)
class Withdraw:
    """One of the delivered files is withdrawn, counted from the newest."""

    back: int


@dataclass(frozen=True)
class Purge:
    """Files before a day are erased."""

    before: str


@dataclass(frozen=True)
class Build:
    """The daily build runs."""


# Few call ids, days and amounts: duplicates and conflicts within and across files and days are the rule.
records = st.tuples(
    st.sampled_from([f"call-{number}" for number in range(8)] + [""]),
    st.sampled_from([f"{day}T{time}" for day in DAYS for time in ("00:00:00Z", "23:59:30.5Z")] + ["no time"]),
    st.sampled_from(["0", "45", "90000", ""]),
    st.sampled_from(["0.10", "0.25", ""]),
)
arrivals = st.builds(
    Deliver,
    st.sampled_from(["phone_terminated", "phone_originated"]),
    st.sampled_from(DAYS),
    st.sampled_from(["cdr", "late"]),
    st.lists(records, max_size=6).map(tuple),
)
steps = st.lists(
    st.one_of(
        arrivals,
        arrivals,
        st.builds(Withdraw, st.integers(0, 2)),
        st.builds(Purge, st.sampled_from(DAYS)),
        st.just(Build()),
    ),
    min_size=2,
    max_size=12,
)


def content(arrived: Deliver) -> str:
    lines = [header(arrived.kind)]
    for call_id, call_time, duration, amount in arrived.records:
        fields = {
            "CallId": call_id,
            "CallTime": call_time,
            "Result": "ANSWERED" if duration else "BUSY",
            "Reason": "N/A",
            "Duration": duration,
            "Amount": amount,
            "Currency": "USD" if amount == "0.25" else "EUR",
            "To": "+46701234567",
            "ApplicationKey": "6F1C2D9A4B7E4C359A580D2E7B61C4F3",
        }
        lines.append(";".join(fields.get(name, "") for name in lines[0].split(";")))
    return "".join(line + "\n" for line in lines)


def play(step: object, loader: Loader, warehouse: Warehouse) -> None:
    match step:
        case Deliver():
            path = loader.write(f"{step.file_date}/{step.name}_{step.kind}.csv", content(step))
            loader("stage", path)
        case Withdraw():
            current = [file_id for file_id, _, state in loader.states() if state == "current"]
            if len(current) > step.back:
                loader("withdraw", current[-1 - step.back])
        case Purge():
            loader("purge", "--before", step.before, "--yes")
        case Build():
            warehouse.dbt("run")


@dataclass
class Start:
    """A database whose models are all built once over next to nothing: every later build is an increment."""

    warehouse: Warehouse
    copy: Path

    def again(self) -> Warehouse:
        shutil.copyfile(self.copy, self.warehouse.loader.database)
        return self.warehouse


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    folder = tmp_path_factory.mktemp("incremental")
    loader = Loader(folder / "cdr.duckdb", folder / "inbox")
    warehouse = Warehouse(loader, folder / "target")
    loader("stage", loader.write("2026-11-18/first_sip_terminated.csv", delivery("first")))
    warehouse.dbt("seed")
    warehouse.dbt("run")
    return Start(warehouse, Path(shutil.copyfile(loader.database, folder / "start.duckdb")))


def check(warehouse: Warehouse, played: list[object]) -> None:
    for step in [*played, Build()]:
        play(step, warehouse.loader, warehouse)
    assert_equal(warehouse.tables(*COMPARED), warehouse.tables_of_full_refresh(*COMPARED))


ALWAYS = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],
    "database": None,
}


@settings(max_examples=4, derandomize=True, **ALWAYS)
@given(steps)
def test_increments_equal_a_full_refresh(start: Start, played: list[object]) -> None:
    check(start.again(), played)


@pytest.mark.soak
@settings(max_examples=150, **ALWAYS)
@given(steps)
def test_many_increments_equal_a_full_refresh(start: Start, played: list[object]) -> None:
    check(start.again(), played)


CALLS = [
    Deliver("phone_terminated", "2026-11-19", "cdr", (("a", "2026-11-19T23:59:30.5Z", "45", "0.10"),)),
    Deliver("phone_originated", "2026-11-20", "cdr", (("a", "2026-11-20T00:00:00Z", "", "0.10"),)),
    Build(),
    Deliver("phone_terminated", "2026-11-20", "late", (("a", "2026-11-20T10:00:00Z", "60", "0.25"),)),
]


def test_the_loser_comes_back_when_the_winner_is_withdrawn(start: Start) -> None:
    warehouse = start.again()
    check(warehouse, CALLS)
    query = "select call_date::varchar from marts.fact_calls where call_type = 'phone_terminated'"
    assert warehouse.loader.query(query) == [("2026-11-20",)]
    check(warehouse, [Withdraw(0)])
    assert warehouse.loader.query(query) == [("2026-11-19",)]


@pytest.fixture
def built(start: Start) -> Warehouse:
    warehouse = start.again()
    for step in [*CALLS, Build()]:
        play(step, warehouse.loader, warehouse)
    return warehouse


@pytest.mark.parametrize(
    "variables",
    ["{reporting_timezone: America/New_York, short_call_seconds: 50}", "{pii_mode: masked}"],
)
def test_changed_variables_are_followed(built: Warehouse, variables: str) -> None:
    before = built.tables(*COMPARED)
    changed = ("--vars", variables)
    built.dbt("run", parse_arguments=changed)
    found = built.tables(*COMPARED)
    assert found["marts.fact_calls"] != before["marts.fact_calls"]
    assert_equal(found, built.tables_of_full_refresh(*COMPARED, parse_arguments=changed))


@pytest.mark.parametrize(
    "change",
    [
        "update reference.fx_rates set rate = 0.5 where rate_date = '2026-11-20' and from_currency = 'USD'",
        "delete from reference.fx_rates where from_currency = 'USD'",
        "update reference.outcome_map set outcome = 'dropped_error' where result = 'ANSWERED'",
        "update reference.calling_codes set country_code = 'NO' where prefix = '46'",
        "update reference.number_ranges set number_type = 'premium' where prefix = '4670'",
    ],
)
def test_a_changed_seed_is_followed(built: Warehouse, change: str) -> None:
    before = built.tables("marts")
    with duckdb.connect(built.loader.database) as connection:
        connection.execute(change)
    built.dbt("run")
    found = built.tables(*COMPARED)
    assert found["marts.fact_calls"] != before["marts.fact_calls"]
    assert_equal(found, built.tables_of_full_refresh(*COMPARED))


@pytest.mark.parametrize("model", ["stg_sinch__phone_terminated", "fact_calls", "mart_quality_daily"])
def test_a_killed_build_is_made_good_by_the_next(start: Start, model: str) -> None:
    warehouse = start.again()
    loader = warehouse.loader
    for step in CALLS:
        play(step, loader, warehouse)
    with warehouse.environment():
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "run", "--threads", "1"]
    folders = ["--project-dir", str(REPOSITORY), "--profiles-dir", str(REPOSITORY / "profiles")]
    paths = ["--target-path", str(warehouse.target_path), "--log-path", str(warehouse.target_path)]
    process = subprocess.Popen(
        [*command, *folders, *paths], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "START" in line and f".{model} " in line:
            process.kill()
            break
    process.wait()
    assert process.returncode == -9
    check(warehouse, [])
