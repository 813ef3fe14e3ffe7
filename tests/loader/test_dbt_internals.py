"""What this project needs of dbt beyond its documented interface, one test for each need: a version of dbt
that changes it fails the test with the name of what is lost. loader/builds/dbt_internals.py and
tests/tools/dbt_internals.py have the reasons.
"""

import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dbt_internals as tools
import duckdb
import pytest
import yaml
from harness import REPOSITORY
from jinja2 import Template

from loader.builds import dbt_internals
from loader.errors import CdrError

PROJECT = {
    "dbt_project.yml": """
name: little
profile: little
flags: {send_anonymous_usage_stats: false}
models: {little: {+schema: marts, steps: {+materialized: ephemeral}}}
on-run-end: "{% if execute %}{% do exceptions.warn('a finding') %}{% endif %}"
""",
    "profiles/profiles.yml": """
little:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: ":memory:little"
      database: attached
      schema: main
      attach: [{path: "{{ env_var('CDR_DATABASE') }}", alias: attached}]
      config_options: {storage_compatibility_version: v1.4.0}
""",
    "models/steps/step.sql": "select 1 as id",
    "models/mart.sql": "{{ config(materialized='table') }} select id from {{ ref('step') }}",
    "models/_models.yml": """
models:
  - name: mart
    columns: [{name: id, data_tests: [unique, {not_null: {config: {meta: {findings: true}}}}]}]
""",
    "seeds/codes.csv": "code\nA\n",
    "macros/refuse.sql": "{% macro refuse() %}{{ exceptions.raise_compiler_error('not so') }}{% endmacro %}",
}


@pytest.fixture
def little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A dbt project of five nodes."""
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setenv("CDR_DATABASE", str(tmp_path / "little.duckdb"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    dbt_internals.close_connections()


def command(little: Path, *arguments: str) -> list[str]:
    return [*arguments, "--project-dir", str(little), "--profiles-dir", str(little / "profiles")]


def test_results_name_nodes_their_status_and_their_tables(little: Path) -> None:
    outcome = dbt_internals.run(["--quiet", *command(little, "build")])
    assert outcome.success
    assert outcome.refusal is None
    assert {(node["label"], node["status"], node["has_words"]) for node in outcome.nodes} == {
        ("codes", "success", False),
        ("mart", "success", False),
        ("unique of mart.id", "pass", False),
        ("not_null of mart.id", "pass", True),
    } | {(node["label"], "success", False) for node in outcome.nodes if node["node"].startswith("operation.")}
    assert outcome.relations == {("main_marts", "mart"), ("main", "codes")}
    assert {node["failures"] for node in outcome.nodes if node["status"] == "pass"} == {0}


def test_a_warning_of_a_macro_is_the_event_jinja_log_warning(little: Path) -> None:
    (finding,) = dbt_internals.run(["--quiet", *command(little, "build")]).findings
    assert "a finding" in finding


def test_events_report_which_node_is_next_and_how_many_are_done(little: Path) -> None:
    reported: list[tuple[int, int, str]] = []
    dbt_internals.run(["--quiet", *command(little, "build")], lambda *each: reported.append(each))
    assert {"mart", "codes"} <= {name for _, _, name in reported}
    totals = {total for _, total, _ in reported if total}
    # A seed, a table and two tests; hooks are counted by themselves.
    assert 4 in totals
    assert (4, 4) in {(done, total) for done, total, _ in reported}


def test_run_results_are_written_without_the_manifest(little: Path) -> None:
    file = little / "results.json"
    dbt_internals.run(["--quiet", *command(little, "build", "--no-write-json")], results_file=file)
    assert "model.little.mart" in {result["unique_id"] for result in json.loads(file.read_text())["results"]}
    assert not (little / "target" / "manifest.json").exists()


def test_connections_can_be_closed_so_that_others_get_the_database(little: Path) -> None:
    dbt_internals.run(["--quiet", *command(little, "build")])
    script = "import duckdb; duckdb.connect('little.duckdb').execute('create table t (i integer)')"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_profile_is_read_as_dbt_reads_it(little: Path) -> None:
    """dbt builds while the database is held: DuckDB lets a process open it twice with equal settings only."""
    database = little / "little.duckdb"
    connect = dbt_internals.connecting_as_dbt(little, None, database)
    assert connect is not None
    assert dbt_internals.connecting_as_dbt(little, None, little / "other.duckdb") is None
    held = connect()
    try:
        assert dbt_internals.run(["--quiet", *command(little, "build")]).success
        assert held.execute("select id from attached.main_marts.mart").fetchall() == [(1,)]
    finally:
        held.close()


def test_a_profile_that_dbt_refuses_is_left_to_dbt(little: Path) -> None:
    assert dbt_internals.connecting_as_dbt(little, "nowhere", little / "little.duckdb") is None
    refusal = dbt_internals.run(["--quiet", *command(little, "build", "--target", "nowhere")]).refusal
    assert refusal is not None
    assert "nowhere" in refusal


def test_a_refusal_is_one_line_without_the_macros_that_led_to_it(little: Path) -> None:
    (little / "models" / "wrong.sql").write_text("{{ refuse() }}")
    refusal = dbt_internals.run(["--quiet", *command(little, "parse")]).refusal
    assert refusal is not None
    assert "not so" in refusal
    assert "\n" not in refusal
    assert "> in macro" not in refusal
    assert "> called by" not in refusal


def test_an_interrupt_is_found_behind_what_dbt_makes_of_it(
    little: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dbt.task.build.BuildTask.handle_job_queue", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dbt_internals.run(["--quiet", *command(little, "build")])


def test_colours_are_those_that_dbt_prints() -> None:
    from dbt_common import ui

    shown = io.StringIO()
    text = ui.color("done", ui.COLOR_FG_GREEN) + ui.color("bad", ui.COLOR_FG_RED)
    text += ui.color("look", ui.COLOR_FG_YELLOW)
    assert "\x1b[32m" in text
    dbt_internals._Shown(shown).write(text + "\x1b[2J")
    assert shown.getvalue().startswith(text)
    assert "\x1b[2J" not in shown.getvalue()


def test_a_project_can_be_parsed_once_and_built_on_other_databases(
    little: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = tools.parse(command(little))
    for name in ("one", "two"):
        monkeypatch.setenv("CDR_DATABASE", str(little / f"{name}.duckdb"))
        assert tools.run(command(little, "run"), parsed).success
        with duckdb.connect(little / f"{name}.duckdb") as connection:
            assert connection.execute("select id from main_marts.mart").fetchall() == [(1,)]


def test_what_shares_parses_is_imported_as_a_plugin() -> None:
    from dbt.plugins import PluginManager

    assert "dbt_shared_parses" in PluginManager.get_prefixed_modules()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("begin", ["with ", "\n-- Text\n WITH\n", "with recursive ", ""])
def test_rows_of_unit_tests_are_injected_as_by_dbt(monkeypatch: pytest.MonkeyPatch, begin: str) -> None:
    # As it is before a plugin changes it.
    compilation = importlib.util.module_from_spec(importlib.util.find_spec("dbt.compilation"))  # type: ignore[arg-type]
    compilation.__loader__.exec_module(compilation)
    by_dbt = compilation.inject_ctes_into_sql
    monkeypatch.setattr("dbt.compilation.inject_ctes_into_sql", by_dbt)
    tools.inject_quickly()
    from dbt.compilation import InjectedCTE, inject_ctes_into_sql

    assert inject_ctes_into_sql is not by_dbt
    query = f"{begin}three as (select 1) select * from three, two" if begin else "select * from two"
    ctes = [InjectedCTE(id=name, sql=f" {name} as (select 1)") for name in ("one", "two")]
    for some in (ctes, []):
        queries = inject_ctes_into_sql(query, some), by_dbt(query, some)
        found, expected = [re.findall(r"\w+|\S", text) for text in queries]
        assert found == expected


def test_each_overridden_macro_is_still_one_of_dbt(little: Path) -> None:
    """One that dbt renames would be overridden no longer, without a word."""
    macros = {macro.name for macro in tools.parse(command(little)).macros.values()}
    overrides = {path.stem: path.read_text() for path in (REPOSITORY / "macros/dbt_overrides").glob("*.sql")}
    assert {name for name, text in overrides.items() if f"macro {name}(" not in text} == set()
    # dbt dispatches persist_docs to any adapter's own; dbt-spark has the others, which is not installed here.
    macros.add("duckdb__persist_docs" if "default__persist_docs" in macros else "")
    assert {name for name in overrides if not name.startswith("spark__")} <= macros
    # What they call of dbt.
    called = {"alter_relation_comment", "duckdb_escape_comment"}
    assert called <= macros
    text = "".join(overrides.values())
    assert all(re.search(rf"\b{name}\(", text) for name in called)


def test_dbt_2_takes_the_target_that_it_can_read() -> None:
    """It removes blanks from the names of settings, and its profiles have no `flags` (profiles/README.md)."""
    profile = yaml.safe_load((REPOSITORY / "profiles/profiles.yml").read_text())["sinch_cdr"]
    target = Template(profile["target"])
    assert target.render(env_var=lambda _, default: default, flags={}) == "dev"
    assert target.render(env_var=lambda _, default: default) == "dbt2"
    dbt2 = profile["outputs"]["dbt2"]
    assert dbt2["path"] == ":memory:"
    assert [name for name in dbt2["settings"] if not name.isidentifier() or name == "schema"] == []


def test_sql_has_no_escapes_that_dbt_2_leaves_as_they_are() -> None:
    folders = ("macros", "models", "tests/engine")
    files = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.sql")]
    unknown = re.compile(r"(?<!\\)\\([avU]|x[0-9a-f]{2})")
    assert files
    assert [path.name for path in files if unknown.search(path.read_text())] == []


def test_parsing_warns_of_nothing(tmp_path: Path) -> None:
    """Neither a deprecation nor an argument of a macro that its description does not match."""
    silenced = '{"error": "all", "silence": ["UnsupportedConstraintMaterialization"]}'
    parsed = subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "--warn-error-options", silenced, "--no-use-colors"),
            *("parse", "--no-partial-parse", "--show-all-deprecations"),
            *("--project-dir", str(REPOSITORY), "--profiles-dir", str(REPOSITORY / "profiles")),
            *("--target-path", str(tmp_path), "--log-path", str(tmp_path)),
        ],
        capture_output=True,
        text=True,
    )
    assert parsed.returncode == 0, parsed.stdout + parsed.stderr
    assert "WARNING" not in parsed.stdout


def test_a_python_that_dbt_does_not_start_on_is_named() -> None:
    dbt_internals.check_python()
    for python, dbt in (((3, 13), "1.11.16"), ((3, 14), "1.12.6")):
        dbt_internals.check_python(python, dbt)
    with pytest.raises(
        CdrError, match=r"1\.11\.16 does not start on Python 3\.14; use Python 3\.11 to 3\.13"
    ):
        dbt_internals.check_python((3, 14), "1.11.16")


@pytest.mark.parametrize("found", ["3.10", "3.14"])
def test_make_names_the_pythons_that_it_needs(tmp_path: Path, found: str) -> None:
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\necho {found}\n")
    python.chmod(0o755)
    done = subprocess.run(
        ["make", f"VENV={tmp_path / 'venv'}", f"PYTHON={python}", str(tmp_path / "venv" / "bin" / "python")],
        cwd=REPOSITORY,
        # Not with what `make test-dbt-next`, which runs this test, was called with.
        env={name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert f"make: needs one of Python 3.13 3.12 3.11, found: {found};" in done.stderr
    assert ("dbt-core 1.12 does: make test-dbt-next" in done.stderr) == (found == "3.14")
