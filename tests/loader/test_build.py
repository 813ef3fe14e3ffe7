"""`cdr build` and `cdr run`: dbt in this process, its exit codes, and the lock it must give back."""

import errno
import os
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import delivery
from harness import REPOSITORY, Loader, holding

from loader.builds.build import build

# Quick to build.
SELECT = ("--select", "currencies", "--exclude-resource-type", "test")


@pytest.fixture(scope="session")
def dbt_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture
def project(cdr: Loader, dbt_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """dbt's own files go elsewhere, so that tests can run side by side. The database's path is the same for
    all tests, so that dbt parses the project once.
    """
    monkeypatch.setenv("DBT_TARGET_PATH", str(dbt_folder / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(dbt_folder / "logs"))
    shutil.rmtree(dbt_folder / "data", ignore_errors=True)
    (dbt_folder / "data").mkdir()
    cdr = Loader(dbt_folder / "data" / "cdr.duckdb", cdr.inbox)
    cdr.write("a_2026-11-22.csv", delivery("a", "b"))
    # What is set for dbt in this process goes with the test.
    monkeypatch.setenv("CDR_DATABASE", os.devnull)
    monkeypatch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    return cdr


def test_run_stages_and_builds_everything(
    project: Loader, dbt_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without data tests, which other tests run.
    monkeypatch.setenv("DBT_RESOURCE_TYPES", "model seed")
    monkeypatch.delenv("DBT_LOG_LEVEL_FILE")
    project.write("b_2026-11-22.csv", "CallId;Nonsense\n")
    document = project.json("run", ".", code=1)
    assert document["stage"]["totals"]["failed"] == 1
    assert document["build"]["exit_code"] == 0
    assert {node["status"] for node in document["build"]["nodes"]} == {"success"}
    assert project.query("select count(*) from marts.fact_calls") == [(2,)]
    assert project.database.stat().st_mode & 0o777 == 0o600
    # dbt's log: what was built, and no query.
    log = dbt_folder / "logs" / "dbt.log"
    assert "OK created sql incremental_by_unit model marts.fact_calls" in log.read_text()
    assert "insert into" not in log.read_text()
    # dbt's lock is given back, or this could not write.
    with duckdb.connect(project.database) as connection:
        connection.execute("create schema free")
    laws = project.json("verify")["laws"]
    assert sum(law["ok"] is True for law in laws) >= 9


def test_progress_counts_what_dbt_counts(project: Loader) -> None:
    seen: list[tuple[int, int]] = []
    chosen = ("--select", "signal_irsf_like", "int_calls__clear")
    build(
        project.database,
        chosen,
        quiet=True,
        stdout_to_stderr=False,
        command="run",
        progress=lambda done, total, _: seen.append((done, total)),
    )
    # The other one is ephemeral.
    assert max(seen) == (1, 1)


def test_run_does_not_build_after_a_failure_of_everything(project: Loader) -> None:
    project.write("bad.csv", "CallId;Nonsense\n")
    document = project.json("run", "bad.csv", code=2)
    assert document["build"] is None
    assert document["stage"]["totals"]["failed"] == 1
    assert "of no known kind" in project("run", "bad.csv", code=2).stderr


def test_build_creates_what_is_missing_and_passes_arguments_on(project: Loader) -> None:
    nodes = project.json("build", *SELECT, "--full-refresh")["nodes"]
    assert "seed.sinch_cdr.currencies" in [node["node"] for node in nodes]
    assert project.query("select count(*) from raw_sinch.files") == [(0,)]
    assert project("build", *SELECT, "-q").stdout == ""


def test_what_does_not_fit_into_memory_goes_where_nobody_else_can_read(
    project: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dbt.adapters.duckdb.environments import Environment

    initialize, seen, modes = Environment.initialize_db, list[Path](), list[int]()

    def watched(*arguments: Any, **options: Any) -> Any:
        connection = initialize(*arguments, **options)
        ((spill,),) = connection.execute("select current_setting('temp_directory')").fetchall()
        seen.append(Path(spill).parent)
        modes.append(seen[-1].stat().st_mode & 0o777)
        return connection

    monkeypatch.setattr(Environment, "initialize_db", staticmethod(watched))
    project("build", *SELECT, "-q")
    (folder,) = seen
    assert folder.parent == project.database.parent
    assert folder.name.startswith(f".{project.database.name}.work-")
    assert modes == [0o700]
    assert not folder.exists()


def test_build_reports_what_dbt_refuses(project: Loader) -> None:
    assert "No such option '--nonsense'" in project.error("build", "--nonsense")


def test_run_reports_what_is_staged_and_not_built(
    project: Loader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """dbt refuses its version; a run after it still has to build, so it does not report nothing new."""
    shutil.copytree(REPOSITORY / "profiles", tmp_path / "other" / "profiles")
    shutil.copy(REPOSITORY / "dbt_project.yml", tmp_path / "other")
    settings = tmp_path / "other" / "dbt_project.yml"
    settings.write_text(re.sub(r"(require-dbt-version: ).*", r'\1">=9.0.0"', settings.read_text()))
    monkeypatch.setenv("CDR_PROJECT_DIR", str(settings.parent))
    project.write("empty_app_app_2026-11-22.csv", "")
    result = project("run", ".", code=1)
    message = " ".join(result.stdout.split())
    assert "files 2 new (1 without records), 0 known, 0 failed, 0 records rejected" in message
    assert "not built 2 files are staged, the tables are as they were: dbt could not run" in message
    assert "run `cdr build` again" in message
    assert "nothing new" not in message
    assert "This version of dbt is not supported" in result.stderr
    again = project.json("run", ".", code=1)
    assert (again["build"], again["up_to_date"]) == (None, False)
    assert "This version of dbt is not supported" in again["error"]


def test_a_full_disk_is_named_with_its_folder_and_the_room_it_takes(
    project: Loader, monkeypatch: pytest.MonkeyPatch, dbt_folder: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("dbt.cli.main.dbtRunner.invoke", full)
    result = project("run", ".", code=1)
    pattern = (
        r"the disk of (\S+) is full: [\d,]+ MiB are free, about 32 MiB are needed to build; make room there"
    )
    found = re.search(pattern, result.stderr)
    assert found
    assert Path(found[1]) in (dbt_folder / "target", dbt_folder / "logs", dbt_folder / "data")
    assert "not built 1 file is staged" in " ".join(result.stdout.split())
    assert "the disk of" in project.error("build")


@pytest.mark.parametrize(
    ("name", "value"), [("DBT_TARGET", "prod"), ("DBT_PROFILE", "other"), ("DBT_EMPTY", "true")]
)
def test_a_variable_for_another_project_is_named(
    project: Loader, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    project.stage(".")
    monkeypatch.setenv(name, value)
    assert name in project.error("build", *SELECT)


def test_a_build_without_rows_is_refused_where_there_are_some(project: Loader) -> None:
    """On a database of its own it passes, the test of a seed's content too."""
    project("build", "--empty", "-s", "signal_rules", "assert_signal_rules_are_complete", "-q")
    project.stage(".")
    assert "--empty would empty tables" in project.error("build", "--empty", *SELECT)
    project("build", "--empty", "--no-empty", *SELECT, "-q")


def test_an_interrupted_build_reports_what_is_done_and_what_to_type(
    project: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dbt.task.build.BuildTask.handle_job_queue", interrupted)
    project.write("cdr_sip_terminated_2026-11-28.csv", delivery("interrupted"))
    result = project("run", ".", code=130)
    message = "cdr: interrupted while building; the files are staged: `cdr build` does the rest"
    assert result.stderr.splitlines()[-1] == message
    assert "Traceback" not in result.stdout


def test_a_failing_test_is_exit_code_1(project: Loader) -> None:
    """An id that is there twice is what dbt's own tests must find."""
    project.stage(".")
    with duckdb.connect(project.database) as connection:
        connection.execute("insert into raw_sinch.files by name select * from raw_sinch.files")
    result = build(project.database, ("--select", "source:*"), quiet=True, stdout_to_stderr=True)
    assert result.exit_code == 1
    assert "fail" in {node["status"] for node in result.nodes}


def test_a_locked_database_is_found_before_dbt_starts(project: Loader) -> None:
    project.stage(".")
    with holding(project.database):
        assert "is in use by process" in project.error("build")


def test_tables_of_an_earlier_version_are_rebuilt(project: Loader) -> None:
    """Other columns in an incremental table, and a log of another shape."""
    only_models = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", "-q")
    select = ("build", "--select", "+stg_sinch__sip_terminated", *only_models)
    project.stage(".")
    project(*select)
    rows = project.query("select * from staging.stg_sinch__sip_terminated order by all")
    with duckdb.connect(project.database) as connection:
        connection.execute("alter table staging.stg_sinch__sip_terminated drop column invalid_fields")
        connection.execute("alter table staging.stg_sinch__sip_terminated add column formerly integer")
        connection.execute("create or replace table intermediate.build_log as select 1 as seq, 'x' as unit")
    project(*select)
    assert project.query("select * from staging.stg_sinch__sip_terminated order by all") == rows
    assert len(rows) == 2


def test_every_table_and_column_of_raw_data_and_seeds_has_a_comment(project: Loader) -> None:
    """What clients show next to a name; a database of an earlier version gets it, too."""
    uncommented = """
        select table_name, '' as column_name
        from duckdb_tables()
        where schema_name in ('raw_sinch', 'reference') and coalesce(comment, '') = ''
        union all
        select table_name, column_name
        from duckdb_columns()
        where schema_name in ('raw_sinch', 'reference') and coalesce(comment, '') = ''
    """
    seeds = ("--select", "resource_type:seed", "--exclude-resource-type", "test", "unit_test")
    project.stage(".")
    project("build", "-q", *seeds)
    assert project.query(uncommented) == []
    project.execute("comment on table raw_sinch.looks is null; comment on table raw_sinch.files is 'old'")
    project.stage(".")
    project("build", "-q", "--select", "currencies", "--exclude-resource-type", "test")
    assert project.query(uncommented) == []
    found = project.query("select comment from duckdb_tables() where table_name = 'files'")
    assert found[0][0].startswith("One row per ")
