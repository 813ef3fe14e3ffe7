"""What is done with a built database: status, publish, compact, erase; and who may write to it when."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from datetime import date, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import delivery
from harness import REPOSITORY, Loader, Once, environment

from loader.builds.build import Build, build
from loader.builds.dbt_internals import Outcome
from loader.builds.fingerprint import Due, remember, what_is_due
from loader.cli import daily
from loader.database.connection import opened
from loader.database.space import DELETED_SHARE_WORTH_A_MERGE, blocks, deleted_share
from loader.database.workspace import find_leftovers, spill_folder
from loader.operations.purge import Proof
from loader.operations.status import status
from loader.paths import dbt_folder, project_root
from loader.report.summary import Spend, Summary, summarise

NUMBER = "+46701112233"


def due_now(database: Path, root: Path) -> Due:
    with opened(database, "read") as connection:
        return what_is_due(connection, root)


def summary_now(database: Path, today: date | None = None) -> Summary | None:
    with opened(database, "read") as connection:
        return summarise(connection, today)


@pytest.fixture
def only_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out data tests, which are half of a build and are not tested here."""
    monkeypatch.setenv("DBT_RESOURCE_TYPES", "model seed")


def test_nothing_new_builds_nothing(copy: Loader) -> None:
    document = copy.json("run", copy.inbox)
    assert document["up_to_date"]
    assert document["build"] is None
    assert document["summary"]["calls"] > 0
    result = copy("run", copy.inbox)
    assert "nothing new, nothing built" in result.stdout
    assert len(result.stdout.splitlines()) < 24


def test_every_table_and_column_has_a_comment(copy: Loader) -> None:
    """What clients show next to a name, also of the build's own tables."""
    missing = copy.query(
        """
        select schema_name, table_name, '' as column_name from duckdb_tables() where comment is null
        union all
        select schema_name, table_name, column_name from duckdb_columns()
        where comment is null and not internal
        """
    )
    assert missing == []


def test_the_summary_is_of_the_newest_complete_day(copy: Loader) -> None:
    def summary() -> dict[str, Any]:
        found = copy.json("run", copy.inbox)["summary"]
        assert isinstance(found, dict)
        return found

    def amounts(column: str) -> list[Any]:
        return [spend[column] for spend in summary()["spend"]]

    days = [day for (day,) in copy.query("select distinct report_date from marts.mart_cost_daily order by 1")]
    before, newest = days[-2:]
    assert summary()["report_date"] == str(newest)
    assert all(amounts("previous_amount"))
    # A number in the place of the currency is no code: its shape.
    copy.execute(
        "insert into marts.mart_cost_daily by name (select * replace ('+46705556677' as currency) from"
        f" marts.mart_cost_daily where report_date = '{newest}' and currency = 'USD' order by all limit 1)"
    )
    assert "+99999999999" in amounts("currency")
    assert "46705556677" not in copy("run", copy.inbox).stdout
    # The reporting currency, then the others by their names, whichever is most.
    first, *others = amounts("currency")
    assert (first, others) == ("EUR", sorted(others))
    assert others
    # One CallTime of 2062 is no newest day.
    copy.execute(
        "insert into marts.mart_quality_daily by name"
        " (select * replace (date '2062-07-15' as report_date) from marts.mart_quality_daily limit 1)"
    )
    assert summary()["report_date"] == str(newest)
    kinds = copy.query(
        "select call_type, sum(bids)::bigint, sum(answers)::bigint, sum(answers) / sum(seizures)"
        f" from marts.mart_quality_daily where report_date = '{newest}' group by 1 order by 2 desc, 1"
    )
    assert [tuple(kind.values()) for kind in summary()["kinds"]] == kinds
    assert len(kinds) == 4
    assert f"{kinds[0][0]} {100 * kinds[0][3]:.1f} %" in " ".join(copy("run", copy.inbox).stdout.split())
    # In the first weeks: which rules are silent, for want of how many days.
    assert {
        "rule": "new_destination",
        "status": "silent",
        "days_of_history": 1,
        "days_needed": 28,
    } in summary()["waiting_rules"]
    message = " ".join(copy("run", copy.inbox).stdout.split())
    assert "silent, days of history 1: " in message
    assert "new_destination (of 28)" in message
    # Nothing is compared with a day that lacks a file, and a day that lacks one is not the newest.
    copy.execute(f"update marts.mart_report_dates set is_complete = false where report_date = '{before}'")
    assert amounts("amount")
    assert not any(amounts("previous_amount"))
    assert "on the day before" not in copy("run", copy.inbox).stdout
    copy.execute(f"update marts.mart_report_dates set is_complete = report_date = '{before}'")
    assert summary()["report_date"] == str(before)
    copy.execute("update marts.mart_report_dates set is_complete = false")
    assert summary()["report_date"] is None
    assert "none is complete yet" in copy("run", copy.inbox).stdout


def test_errors_of_the_feed_are_in_the_summary_and_the_status(copy: Loader) -> None:
    """Also where nothing is new: a feed that has stalled brings nothing."""

    def message(command: str, *arguments: object) -> str:
        return " ".join(copy(command, *arguments).stdout.split())

    def documents() -> list[Any]:
        return [copy.json("run", copy.inbox)["summary"]["feed"], copy.json("status")["feed"]]

    for found in documents():
        assert [(error["finding"], error["last_date"]) for error in found] == [("feed_stalled", "2026-11-22")]
    for text in (message("run", copy.inbox), message("status")):
        assert re.search(
            r"feed nothing for [\d,]+ days?: the newest file of any kind is of 2026-11-22;", text
        )
    summary = summary_now(copy.database, date(2026, 12, 1))
    assert summary is not None
    assert [error.sentence.split(":")[0] for error in summary.feed] == ["nothing for 8 days"]
    for today, errors in ((date(2026, 11, 24), 1), (date(2026, 11, 23), 0), (date(2026, 11, 22), 0)):
        summary = summary_now(copy.database, today)
        assert summary is not None
        assert len(summary.feed) == len(status(copy.database, today=today).feed) == errors
    copy.execute(
        "insert into marts.mart_feed_findings values"
        " ('mixed_days', 'app_app', 1, 3, 9, 1/3, date '2026-11-22', date '2026-11-22'),"
        " ('mixed_days', 'sip_terminated', 2, 1, 11, 1/11, date '2026-11-21', date '2026-11-22')"
    )
    for found in documents():
        assert [error["call_types"] for error in found] == [[], ["app_app", "sip_terminated"]]
    sentence = "feed days mixed in 3 files (app_app, sip_terminated; 2026-11-21 to 2026-11-22): 20 % of their"
    for text in (message("run", copy.inbox), message("status")):
        assert sentence in text


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ("nothing", Due.NOTHING),
        ("environment", Due.EVERYTHING),
        ("file", Due.DELIVERIES),
        ("seed by hand", Due.EVERYTHING),
        ("small table dropped", Due.EVERYTHING),
        ("view dropped", Due.EVERYTHING),
        ("log lost", Due.EVERYTHING),
        ("plain dbt", Due.EVERYTHING),
    ],
)
def test_what_a_change_makes_due(
    copy: Loader, change: str, due: Due, monkeypatch: pytest.MonkeyPatch
) -> None:
    if change == "environment":
        monkeypatch.setenv("CDR_ENUM_SEVERITY", "error")
    elif change == "file":
        copy("withdraw", "1", "-q")
    elif change == "seed by hand":
        copy.execute("update reference.currencies set minor_units = 3 where currency_code = 'EUR'")
    elif change == "small table dropped":
        copy.execute("drop table intermediate.int_rate_card cascade")
    elif change == "view dropped":
        copy.execute("drop view intermediate.int_calls__clear")
    elif change == "log lost":
        copy.execute("drop table intermediate.build_log")
    elif change == "plain dbt":
        copy("build", "-q", "-s", "dim_dates")
    assert due_now(copy.database, project_root()) == due


@pytest.mark.parametrize(
    "name", ["seeds/own.csv", "models/a/own.sql", "macros/own.sql", "models/own.yml", "selectors.yml"]
)
def test_a_changed_file_of_the_project_makes_everything_due(copy: Loader, tmp_path: Path, name: str) -> None:
    file = tmp_path / "project" / name
    file.parent.mkdir(parents=True)
    file.write_text("a,b\n1,2\n")
    remember(copy.database, tmp_path / "project")
    assert due_now(copy.database, tmp_path / "project") == Due.NOTHING
    file.write_text("a,b\n1,3\n")
    assert due_now(copy.database, tmp_path / "project") == Due.EVERYTHING


@pytest.mark.parametrize(
    ("amount", "before", "expected"),
    [("150", "100", 50), ("50", "100", -50), ("1", "0", None), ("1", None, None), ("0", "4", -100)],
)
def test_a_change_of_spend_is_of_the_day_before(
    amount: str, before: str | None, expected: float | None
) -> None:
    spend = Spend("EUR", Decimal(amount), None if before is None else Decimal(before))
    assert spend.change_pct == expected


def test_the_summary_s_ratios_are_those_of_the_calls(copy: Loader) -> None:
    found = summary_now(copy.database)
    assert found is not None
    counted = copy.query(
        "select call_type, count(*), count(*) filter (is_answered),"
        " count(*) filter (is_answered) / count(*) filter (is_seizure)"
        f" from marts.fact_calls where report_date = date '{found.report_date}' group by 1"
    )
    assert {(one.call_type, one.calls, one.answers, one.asr) for one in found.kinds} == set(counted)
    assert len(counted) == 4
    copy.execute("update marts.mart_quality_daily set seizures = 2 * answers")
    found = summary_now(copy.database)
    assert found is not None
    assert {one.asr for one in found.kinds} == {0.5}


def test_a_team_s_own_seed_is_followed_and_published_as_it_was_built(
    copy: Loader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a build, in what is due after it, and in a masked publication, with and without the variable."""
    invoices = tmp_path / "invoices.csv"

    def write(amount: int) -> None:
        columns = "invoice_month,application_key,currency,invoice_amount"
        invoices.write_text(f"{columns}\n2026-11-01,,EUR,{amount}\n")

    def due() -> Due:
        return due_now(copy.database, project_root())

    def published() -> list[Any]:
        copy("publish", tmp_path / "masked.duckdb", "--pii-mode", "masked", "-q")
        with duckdb.connect(tmp_path / "masked.duckdb", read_only=True) as connection:
            query = "select invoice_amount from marts.mart_invoice_reconciliation where invoice_amount > 0"
            return [amount for (amount,) in connection.execute(query).fetchall()]

    write(7)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CDR_INVOICES", "invoices.csv")
    assert due() == Due.EVERYTHING
    copy("build", "-q", "-s", "int_invoices+1", "--exclude-resource-type", "test")
    remember(copy.database, project_root())
    assert due() == Due.NOTHING
    monkeypatch.delenv("CDR_INVOICES")
    monkeypatch.chdir("/")
    assert due() == Due.NOTHING
    write(8)
    assert due() == Due.EVERYTHING
    assert published() == [7]
    invoices.unlink()
    assert due() == Due.NOTHING
    monkeypatch.setenv("CDR_INVOICES", "project")
    assert due() == Due.EVERYTHING
    assert published() == [7]
    monkeypatch.setenv("CDR_INVOICES", str(invoices))
    assert due() == Due.EVERYTHING


def test_where_only_files_are_new_seeds_their_tests_and_views_are_left_out(
    copy: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = tmp_path / "late_sip_2026-11-22.csv"
    late.write_text(delivery("late"))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path))
    monkeypatch.setenv("DBT_WRITE_JSON", "true")
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path))
    monkeypatch.setenv("DBT_LOG_LEVEL_FILE", "debug")
    (tmp_path / "manifest.json").write_text("of the last build")
    (tmp_path / "notes.txt").write_text("mine")
    # What cannot be published costs neither build nor summary.
    document = copy.json("run", late, "--publish", tmp_path / "notes.txt", code=1)
    assert document["stage"]["totals"]["staged"] == 1
    assert document["summary"]["calls"] > 0
    assert "notes.txt exists and is not a DuckDB file" in document["error"]
    result = copy("run", copy.inbox, "--publish", tmp_path / "missing" / "calls.duckdb", code=1)
    assert "nothing new, nothing built" in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.endswith("missing is not a folder; make it or publish elsewhere")
    build = document["build"]
    assert build["exit_code"] == 0
    # Each query is in dbt's log where that is asked for.
    assert "insert into" in (tmp_path / "dbt.log").read_text()
    names = {node["node"] for node in build["nodes"]}
    kinds = Counter(name.split(".")[0] for name in names)
    assert kinds["seed"] == 0
    assert "model.sinch_cdr.int_rate_card" not in names
    assert "model.sinch_cdr.int_calls__clear" not in names
    assert "test.sinch_cdr.assert_every_file_record_is_staged_or_rejected" in names
    assert "test.sinch_cdr.assert_fx_rates_are_positive" not in names
    assert [name for name in names if "not_null_currencies" in name] == []
    assert (tmp_path / "manifest.json").read_text() == "of the last build"
    results = json.loads((tmp_path / "run_results.json").read_text())["results"]
    assert names <= {result["unique_id"] for result in results}
    # Of some 270 tests those stay that read what deliveries change.
    assert 100 < kinds["test"] < 200
    assert copy.query("select count(*) from marts.fact_calls where call_id = 'late'") == [(1,)]
    # And the build after it is due in the same way.
    copy("withdraw", "1", "-q")
    assert due_now(copy.database, project_root()) == Due.DELIVERIES


def test_status(copy: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Clock":
            return cls(2026, 11, 24, 12, tzinfo=tz)

    monkeypatch.setattr("loader.operations.status.datetime", Clock)
    found = copy.json("status")
    assert [kind["newest_day"] for kind in found["kinds"]] == ["2026-11-22"] * 4
    assert [kind["files"] for kind in found["kinds"]] == [2] * 4
    assert sum(kind["records"] for kind in found["kinds"]) == 2 * 60
    counters = ("age_days", "open_rejects", "failed_files", "files_behind", "days_behind")
    assert [found[name] for name in counters] == [2, 0, 0, 0, 0]
    assert found["newest_complete_day"] == "2026-11-22"
    assert found["last_build"]["success"] is True
    assert set(found["versions"]) == {"cdr-tables", "dbt-core", "dbt-duckdb", "duckdb"}
    text = copy("status").stdout
    assert "2026-11-22" in text
    late = copy("status", "--max-age", "1", code=1)
    assert "the newest day, 2026-11-22, is over 1 whole day old" in late.stderr
    copy("status", "--max-age", "2")


def test_status_reports_a_failed_build(copy: Loader) -> None:
    copy.execute("update raw_sinch.files set records = records + 1 where file_id = 1")
    copy("build", "-q", "-s", "test_type:singular", code=1)
    last = copy.json("status")["last_build"]
    assert last["success"] is False
    assert any("record" in name for name in last["failed"])


def test_status_of_tables_behind_staged_files(copy: Loader, tmp_path: Path) -> None:
    """After staging or a withdrawal without a build, before any build, and after a build that was killed."""

    def behind(loader: Loader, files: int, days: int = 0) -> None:
        found = loader.json("status")
        assert (found["files_behind"], found["days_behind"]) == (files, days)
        message = f"tables are behind {files or days} {'file' if files else 'day'}"
        old = loader("status", "--max-age", "100000", code=int(bool(files or days)))
        assert (message in old.stdout) is (message in old.stderr) is bool(files or days)

    behind(copy, 0)
    late = tmp_path / "late_sip_terminated_2026-11-22.csv"
    late.write_text(delivery("late"))
    assert [file["state"] for file in copy.stage(late)] == ["current"]
    behind(copy, 1)
    copy("withdraw", "1", "-q")
    behind(copy, 2)
    copy("withdraw", late.name, "-q")
    copy("withdraw", "1", "--undo", "-q")
    behind(copy, 0)
    copy.execute("update intermediate.build_log set version = '' where model = 'mart_cost_daily'")
    behind(copy, 0, days=len(copy.query("select distinct report_date from marts.mart_cost_daily")))
    unbuilt = Loader(tmp_path / "unbuilt.duckdb", copy.inbox)
    unbuilt("stage", copy.inbox, "-q")
    behind(unbuilt, 8)


def test_a_unit_that_its_inputs_no_longer_have_is_behind(copy: Loader) -> None:
    copy.execute(
        "insert into intermediate.build_log by name select * replace ('2026-01-01' as unit)"
        " from intermediate.build_log where model = 'mart_cost_daily' and done limit 1"
    )
    assert copy.json("status")["days_behind"] == 1


def test_a_publication_stays_where_nothing_is_new(copy: Loader, tmp_path: Path) -> None:
    out = tmp_path / "calls.duckdb"
    copy("run", copy.inbox, "--publish", out, "-q")
    out.write_bytes(b"of yesterday")
    assert copy.json("run", copy.inbox, "--publish", out)["up_to_date"]
    assert out.read_bytes() == b"of yesterday"


@pytest.mark.parametrize(
    ("left", "complete"),
    [
        ({}, True),
        ({"not_ours": ["main.theirs"]}, True),
        *(({name: 1}, False) for name in ("records", "calls", "rows", "old_blocks")),
        ({"leftovers": [".cdr.duckdb.work-1"]}, False),
        ({"build_passed": False}, False),
    ],
)
def test_a_proof_is_complete_where_nothing_remains(left: dict[str, Any], complete: bool) -> None:
    nothing: dict[str, Any] = dict.fromkeys(("records", "calls", "rows", "old_blocks"), 0)
    nothing |= {"build_passed": True, "not_ours": [], "leftovers": []}
    assert Proof(**(nothing | left)).complete is complete


def test_publish_a_file_and_a_folder(copy: Loader, tmp_path: Path) -> None:
    out = tmp_path / "calls.duckdb"
    tables = copy.json("publish", out)["tables"]
    assert "fact_calls" in tables
    assert "dim_countries" in tables
    with duckdb.connect(out, read_only=True) as connection:
        schemas = connection.execute("select distinct schema_name from duckdb_tables()").fetchall()
        assert schemas == [("marts",)]
        comments = connection.execute(
            "select count(*) from duckdb_columns() where table_name = 'fact_calls' and comment is null"
        ).fetchone()
        assert comments == (0,)
    # A reader that holds the old publication is not disturbed by the next one.
    with duckdb.connect(out, read_only=True) as connection:
        copy("publish", out, "-q")
        assert connection.execute("select count(*) from marts.fact_calls").fetchone() == (
            tables["fact_calls"],
        )
    folder = tmp_path / "parquet"
    folder.mkdir()
    for _ in range(2):
        copy("publish", folder, "-q")
        query = f"select count(*) from '{folder}/fact_calls.parquet'"
        assert duckdb.sql(query).fetchall() == [(tables["fact_calls"],)]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_publish_files_for_spreadsheets(cdr: Loader, tmp_path: Path) -> None:
    """One CSV file a mart, in which no text starts a formula; numbers stay numbers."""
    cdr.write("sip_terminated_2026-11-22.csv", delivery("a"))
    cdr.stage(".")
    texts = [
        "=1+1",
        "+46701234567",
        "-x",
        "@sum",
        "\ttab",
        "\nline",
        "＝1",
        "a=1",
        "",
        None,
        'a "b", Å',
        "'quoted",
    ]
    with duckdb.connect(cdr.database) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.fact_calls (caller varchar, amount decimal(18, 6), day date)")
        rows = [[text, -1.5, "2026-11-22"] for text in texts]
        connection.executemany("insert into marts.fact_calls values (?, ?, ?)", rows)
        connection.execute("create table marts.dim_dates as select date '2026-11-22' as date_day")
    out = tmp_path / "csv"
    for _ in range(2):
        assert cdr.json("publish", out, "--format", "csv")["tables"] == {
            "dim_dates": 1,
            "fact_calls": len(texts),
        }
    assert {path.name for path in out.iterdir()} == {"dim_dates.csv", "fact_calls.csv", "_publication.json"}
    with (out / "fact_calls.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["caller", "amount", "day"]
    dangerous = ("=", "+", "-", "@", "\t", "\n", "＝")
    expected = [f"'{text}" if text and text.startswith(dangerous) else text or "" for text in texts]
    assert [row[0] for row in rows] == expected
    assert {tuple(row[1:]) for row in rows} == {("-1.500000", "2026-11-22")}
    cdr("publish", out, "--format", "csv", "--bom", "-q")
    assert (out / "fact_calls.csv").read_bytes().startswith(b"\xef\xbb\xbfcaller,amount,day\n")
    # A publication in another form replaces it; other files never are.
    cdr("publish", out, "-q")
    assert (out / "fact_calls.parquet").exists()
    assert not (out / "fact_calls.csv").exists()
    (out / "notes.csv").write_text("mine")
    assert "notes.csv, which is not part of a publication" in cdr.error("publish", out, "--format", "csv")
    assert "needs a folder" in cdr.error("publish", out / "notes.csv", "--format", "csv")
    assert "--bom is for --format csv" in cdr.error("publish", out, "--bom")


def test_what_a_publication_replaces_keeps_its_place_and_mode(copy: Loader, tmp_path: Path) -> None:
    """Behind a symbolic link, too: file, folder, page."""
    pytest.importorskip("altair")
    folder = tmp_path / "of_the_day"
    folder.mkdir()
    for command, name in (("publish", "calls.duckdb"), ("publish", "parquet"), ("report", "calls.html")):
        place, link = folder / name, tmp_path / name
        if name == "parquet":
            place.mkdir()
        copy(command, place, "-q")
        link.symlink_to(place)
        files = [place, *(place.iterdir() if place.is_dir() else ())]
        before = {file: file.stat().st_ino for file in files}
        for file in files:
            file.chmod(0o750 if file.is_dir() else 0o640)
        copy(command, link, "-q")
        assert link.readlink() == place
        assert all(file.stat().st_ino != inode for file, inode in before.items())
        assert {file.stat().st_mode & 0o777 for file in files if file.is_file()} == {0o640}
        assert not place.is_dir() or place.stat().st_mode & 0o777 == 0o750
    assert [path.name for path in (*tmp_path.iterdir(), *folder.iterdir()) if path.name[0] == "."] == []


def test_publish_touches_nothing_else(copy: Loader, tmp_path: Path) -> None:
    assert "database itself" in copy.error("publish", copy.database)
    (tmp_path / "notes.txt").write_text("mine")
    assert "not a DuckDB file" in copy.error("publish", tmp_path / "notes.txt")
    assert "not part of a publication" in copy.error("publish", tmp_path)


def test_messages_name_the_log_that_dbt_writes(
    copy: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a copy of the database, and of the project in an installed package."""
    folders = []

    def refused(line: list[str], *_: Any) -> Outcome:
        folders.append(line[len(line) - line[::-1].index("--log-path")])
        return Outcome(success=False, nodes=[], relations=frozenset(), findings=[], refusal="it is a test")

    monkeypatch.setattr("loader.builds.dbt_internals.run", refused)
    publish = ("publish", tmp_path / "calls.duckdb", "--pii-mode", "masked")
    assert "it is a test" in copy.error(*publish)
    monkeypatch.setattr("loader.builds.build.is_packaged", lambda _root: True)
    copy.error(*publish)
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    copy.error("build")
    monkeypatch.delenv("DBT_LOG_PATH")
    copy.error("build")
    ours = str(dbt_folder(copy.database) / "logs")
    assert folders == [str(project_root() / "logs"), ours, str(tmp_path / "logs"), ours]


@pytest.mark.skipif(
    "DUCKDB_1_PYTHON" not in os.environ,
    reason="DUCKDB_1_PYTHON names no Python that has duckdb 1.4 or 1.5, which cannot be installed beside 2.0",
)
def test_a_client_of_duckdb_1_opens_the_publication(copy: Loader, tmp_path: Path) -> None:
    copy("publish", tmp_path / "calls.duckdb", "-q")
    script = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).sql('from marts.dim_countries limit 1'))"
    command = [os.environ["DUCKDB_1_PYTHON"], "-c", script, str(tmp_path / "calls.duckdb")]
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_compact_gives_space_back(copy: Loader) -> None:
    copy.execute(
        "create table main.ballast as select range as a, md5(range::varchar) as b from range(400000)"
    )
    copy.execute("drop table main.ballast")
    copy.database.chmod(0o640)
    before = copy.tables()
    done = copy.json("compact")
    assert done["bytes_after"] < done["bytes_before"]
    assert blocks(copy.database).free == 0
    assert copy.database.stat().st_mode & 0o777 == 0o640
    assert copy.tables() == before


def test_a_build_merges_row_groups_when_enough_rows_are_deleted(copy: Loader) -> None:
    def share_after_deleting(rows: str) -> float:
        with opened(copy.database, "write") as connection:
            connection.execute(f"delete from main.ballast where {rows}")
        copy("build", "-q", "-s", "dim_dates")
        with opened(copy.database, "read") as connection:
            return deleted_share(connection, copy.database)

    with opened(copy.database, "write") as connection:
        connection.execute("create table main.ballast as select range as a from range(1000000)")
    # Half of two row groups: DuckDB by itself would make one of them.
    assert 0.05 < share_after_deleting("a < 2 * 122880 and a % 2 = 0") < 0.13
    assert share_after_deleting("a % 10 <= 5") < DELETED_SHARE_WORTH_A_MERGE


@pytest.fixture
def old_and_new(once: Once, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """A call of an old file that was delivered twice, a failed old file, and a call of a new file."""
    monkeypatch.setenv("DBT_RESOURCE_TYPES", "model seed")

    def fill(folder: Path) -> None:
        loader = Loader(folder / "cdr.duckdb", folder / "inbox")
        loader.write("cdr_2026-11-20.csv", delivery("old-call").replace("+46701234567", NUMBER))
        loader.write("copy_2026-11-20.csv", delivery("old-call").replace("+46701234567", NUMBER))
        loader.write("failed_2026-11-20.csv", "Call;From;To;a;b;c\n")
        loader.write("cdr_2026-11-22.csv", delivery("new-call"))
        loader("run", loader.inbox, "-q", code=1)

    folder = once("old_and_new", fill)
    shutil.copyfile(folder / "cdr.duckdb", tmp_path / "cdr.duckdb")
    return Loader(tmp_path / "cdr.duckdb", folder / "inbox")


def test_erased_in_one_go(old_and_new: Loader, tmp_path: Path) -> None:
    loader = old_and_new
    loader("publish", tmp_path / "before.duckdb", "-q")
    # Not encrypted.
    assert b"old-call" in loader.database.read_bytes()
    document = loader.json("purge", "--before", "2026-11-21", "--yes", "--build")
    assert document["proof"] == {
        "records": 0,
        "calls": 0,
        "rows": 0,
        "old_blocks": 0,
        "build_passed": True,
        "not_ours": [],
        "leftovers": [],
    }
    assert document["failed_files"] == 1
    assert loader.query("select call_id from marts.fact_calls") == [("new-call",)]
    content = loader.database.read_bytes()
    assert b"old-call" not in content
    assert b"new-call" in content
    # What was made before holds what it held; made again it does not.
    loader("publish", tmp_path / "after.duckdb", "-q")
    published = [(tmp_path / name).read_bytes() for name in ("before.duckdb", "after.duckdb")]
    assert [b"old-call" in content for content in published] == [True, False]
    assert loader.query("select header from raw_sinch.files where file_date < '2026-11-21'") == [
        (None,),
        (None,),
        (None,),
    ]


@pytest.mark.usefixtures("only_models")
def test_a_purge_reports_what_remains(copy: Loader, tmp_path: Path) -> None:
    """Both commands until the tables are built; nothing after the purge then, or where nothing is built."""
    purge = ("purge", "--before", "2026-11-22", "--yes")
    for _ in range(2):
        assert "two commands remain" in copy(*purge).stdout
    copy("build", "-q", "--exclude-resource-type", "unit_test")
    message = copy(*purge).stdout
    assert "two commands remain" not in message
    assert "nothing more to do" in message
    unbuilt = Loader(tmp_path / "unbuilt.duckdb", copy.inbox)
    unbuilt("stage", copy.inbox, "-q")
    assert "nothing more to do" in unbuilt(*purge).stdout


def test_the_proof_of_a_purge_looks_at_every_table(
    old_and_new: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = old_and_new
    # The second purge finds nothing to build.
    builds: list[Build] = []

    def built_once(*arguments: Any, **options: Any) -> Build:
        if not builds:
            builds.append(build(*arguments, **options))
        return builds[0]

    monkeypatch.setattr("loader.builds.build.build", built_once)
    ((duplicate, header),) = loader.query(
        "select file_id, header from raw_sinch.files where state = 'duplicate'"
    )
    assert header is not None
    loader.execute("create schema dbt_test__audit")
    loader.execute("create table dbt_test__audit.not_null_x as select * from marts.fact_calls")
    loader.execute("create table main.own as select call_id from marts.fact_calls")
    loader.execute("create table marts.mart_of_an_earlier_version as from main.own")
    arguments = ("purge", "--before", "2026-11-21", "--yes", "--build")
    erased = loader(*arguments, code=1)
    names = "main.own, marts.mart_of_an_earlier_version"
    assert f"not ours: 2 tables may hold what was erased: {names}" in erased.stderr
    assert "verified: 0 records remain in raw tables, 0 calls in fact_calls" in erased.stdout
    printed = loader.query("select header, message from raw_sinch.files where file_id = ?", duplicate)
    assert printed[0][0] is None
    assert printed[0][1].startswith("purged on ")
    audit = "select count(*) from duckdb_tables() where schema_name = 'dbt_test__audit'"
    assert loader.query(audit) == [(0,)]
    proof = loader.json(*arguments, "--yes-others")["proof"]
    assert proof["not_ours"] == ["main.own", "marts.mart_of_an_earlier_version"]
    assert (proof["records"], proof["calls"], proof["rows"]) == (0, 0, 0)


def test_an_interrupted_purge_is_reported_and_finished(copy: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_database: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("loader.operations.purge.rewrite", interrupted)
    assert "cdr purge --before" in copy("purge", "--before", "2026-11-22", "--yes", code=130).stderr
    report = " ".join(copy("verify", code=1).stderr.split())
    assert "run `cdr purge` with the same date, or `cdr subject --erase`, again" in report
    monkeypatch.undo()
    copy("purge", "--before", "2026-11-22", "--yes", "-q")
    assert "purge" not in copy("verify", code=1).stderr


def test_a_model_of_an_earlier_version_is_no_longer_verified(copy: Loader) -> None:
    """It was incremental then, and is a table now."""
    copy.execute(
        "insert into intermediate.build_queries select 'no_longer', relation, unit, query "
        "from intermediate.build_queries where model = 'mart_cost_daily'"
    )
    assert "no_longer follows what it reads" in copy("verify", code=1).stderr
    copy("build", "-q", "-s", "dim_dates")
    copy("verify", "-q")


def test_what_a_kill_leaves_is_removed(copy: Loader) -> None:
    left = [
        spill_folder(copy.database) / "duckdb_temp_storage_0.tmp",
        spill_folder(copy.database) / "duckdb_temp_block-1.block",
    ]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text(NUMBER)
    assert "left" in copy("verify", code=1).stderr
    copy("withdraw", "1", "-q")
    assert find_leftovers(copy.database) == []


def test_one_writer_at_a_time(copy: Loader) -> None:
    hold = (
        "import sys, time; from pathlib import Path; from loader.database.lock import exclusive\n"
        f"with exclusive(Path({str(copy.database)!r})): print('held', flush=True); time.sleep(1.5)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environment()
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    for arguments in (("stage", copy.inbox), ("build",), ("withdraw", "1"), ("compact",)):
        assert f"in use by process {process.pid}" in copy.error(*arguments)
    copy("withdraw", "1", "--wait", "30", "-q")
    assert process.wait() == 0
    assert not copy.database.with_name(f".{copy.database.name}.lock").exists()


@pytest.mark.usefixtures("only_models")
def test_two_runs_at_once_while_a_reader_comes_and_goes(
    copy: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all that is due the seeds alone are built."""
    copy.execute("drop table intermediate.build_fingerprint")
    monkeypatch.setenv("DBT_RESOURCE_TYPES", "seed")
    loader = Loader(copy.database, copy.database.parent / "late")
    loader.write("late_sip_2026-11-22.csv", delivery("late"))
    reader = (
        "import duckdb, sys, time\nwhile True:\n  try:\n    c = duckdb.connect(sys.argv[1], read_only=True)\n"
        "    time.sleep(0.3); c.close()\n  except Exception: pass\n  time.sleep(0.05)"
    )
    reading = subprocess.Popen([sys.executable, "-c", reader, str(loader.database)])
    command = loader.command("run", loader.inbox, "--wait", "300", "--json")
    pipe = subprocess.PIPE
    try:
        runs = [subprocess.Popen(command, stdout=pipe, text=True, env=environment()) for _ in range(2)]
        documents = [json.loads(run.communicate()[0]) for run in runs]
    finally:
        reading.kill()
        reading.wait()
    assert [document["exit_code"] for document in documents] == [0, 0]
    assert sorted(document["stage"]["totals"]["skipped"] for document in documents) == [0, 1]
    assert any(document["build"] and document["build"]["nodes"] for document in documents)


def test_a_reader_that_stays_costs_the_build_and_not_the_files(
    copy: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_what_is_due = daily._build_what_is_due
    readers: list[subprocess.Popen[str]] = []

    def after_a_reader_came(*arguments: Any) -> Any:
        script = (
            "import duckdb, sys, time; c = duckdb.connect(sys.argv[1], read_only=True)\n"
            "print('held', flush=True); time.sleep(60)"
        )
        command = [sys.executable, "-c", script, str(copy.database)]
        readers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert readers[0].stdout is not None
        assert readers[0].stdout.readline() == "held\n"
        return build_what_is_due(*arguments)

    monkeypatch.setattr(daily, "_build_what_is_due", after_a_reader_came)
    monkeypatch.setattr(daily, "_GRACE_SECONDS", 0.3)
    (tmp_path / "late_sip_2026-11-22.csv").write_text(delivery("late"))
    try:
        result = copy("run", tmp_path / "late_sip_2026-11-22.csv", "-q", code=1)
    finally:
        readers[0].kill()
        readers[0].wait()
    (line,) = result.stderr.splitlines()
    assert f"in use by process {readers[0].pid}" in line
    assert result.stdout == ""
    assert copy.states()[-1][1:] == ("late_sip_2026-11-22.csv", "current")


def test_init_writes_nothing_where_something_is(tmp_path: Path) -> None:
    """That its project builds, and survives an upgrade, is in test_install.py."""
    folder = tmp_path / "ours"
    loader = Loader(tmp_path / "cdr.duckdb", tmp_path / "inbox")
    loader("init", folder, "-q")
    written = sorted(path for path in folder.rglob("*") if path.is_file())
    assert folder / "seeds" / "applications.csv" in written
    assert folder / "models" / "mart_minutes_by_weekday.sql" in written
    assert "not empty" in loader.error("init", folder)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == written


def test_a_clone_builds_a_teams_project_with_comments(copy: Loader, tmp_path: Path) -> None:
    copy("init", tmp_path / "ours", "-q")
    copy.execute("drop table reference.fx_rates")
    tables = ("fx_rates", "mart_minutes_by_weekday", "--exclude-resource-type", "test")
    done = copy.process("build", "-q", "-s", *tables, cwd=tmp_path / "ours" / "models")
    assert done.returncode == 0, done.stdout + done.stderr
    tables = "('fx_rates', 'mart_minutes_by_weekday')"
    comments = copy.query(f"""
        select comment from duckdb_tables() where table_name in {tables}
        union all
        select comment from duckdb_columns() where table_name in {tables}
    """)
    assert len(comments) == 2 + 4 + 4
    assert all(comment for (comment,) in comments), comments


def test_output_degrades_where_the_locale_lacks_a_letter(copy: Loader, tmp_path: Path) -> None:
    name = tmp_path / "inbox" / "ünï\x1b[31m_2026-11-22.csv"
    name.parent.mkdir()
    name.write_text(delivery("é"))
    for locale in ("C", "tr_TR.ISO-8859-9"):
        result = subprocess.run(
            copy.command("stage", name, "-v"),
            capture_output=True,
            env=environment() | {"LC_ALL": locale, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        )
        assert result.returncode == 0, result.stderr
        assert b"\x1b" not in result.stdout + result.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_closed_descriptors_change_no_exit_code(copy: Loader, closed: str) -> None:
    command = " ".join(f"'{part}'" for part in copy.command("files"))
    began = time.monotonic()
    result = subprocess.run(["bash", "-c", f"{command} {closed}"], capture_output=True, env=environment())
    assert result.returncode == 0, result.stderr
    assert b"Error" not in result.stderr
    assert time.monotonic() - began < 60
