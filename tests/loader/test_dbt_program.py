"""dbt 2 as a program: a stand-in writes what dbt 2.0.0a4 writes; the real one runs where CDR_TESTS_DBT2 names
it, which cannot be installed beside dbt 1.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from builders import delivery
from harness import Loader

from loader.builds import dbt_program
from loader.errors import CdrError

INVOCATION = "01a23125"
STAND_IN = """#!{python}
import json, os, signal, sys
from pathlib import Path
here = Path(__file__).parent
if "--version" in sys.argv:
    sys.exit(print("dbt-core 2.0.0-alpha.4"))
written = json.loads((here / "written.json").read_text())
(here / "called.json").write_text(json.dumps([sys.argv[1:], dict(os.environ)]))
for name, artifact in written["artifacts"].items():
    (here / "target" / name).write_text(json.dumps(artifact))
for line in written["lines"]:
    print(line, flush=True)
if written["code"] == 130:
    os.kill(os.getpid(), signal.SIGINT)
sys.exit(written["code"])
"""


def event(name: str, level: str, message: str, node: str = "", invocation: str = INVOCATION) -> str:
    data = {"node_info": {"node_name": node}} if node else {}
    info = {"name": name, "level": level, "msg": message, "invocation_id": invocation}
    return json.dumps({"data": data, "info": info})


def node(kind: str, name: str, materialized: str = "table", **more: Any) -> tuple[str, dict[str, Any]]:
    config = {"materialized": materialized, "meta": more.pop("meta", {})}
    place = {"schema": "marts", "alias": name, "resource_type": kind, "name": name}
    return f"{kind}.sinch_cdr.{name}", {**place, "config": config, **more}


MANIFEST = {
    "nodes": dict(
        [
            node("model", "fact_calls"),
            node("model", "rule", "ephemeral"),
            node("operation", "on-run-start-1"),
            node(
                "test",
                "unique_a1",
                test_metadata={"name": "unique"},
                attached_node="model.sinch_cdr.fact_calls",
                column_name="call_key",
            ),
            node(
                "test",
                "warn_late",
                meta={"findings": "messages"},
                compiled_code="select 'file \x1b is late, row ' || range as message from range(12)",
            ),
            node(
                "test",
                "values",
                meta={"findings": "values"},
                attached_node="model.sinch_cdr.fact_calls",
                column_name="result",
                test_metadata={"name": "accepted_values"},
                compiled_code="from (values ('DENIED', 1), ('Anna 46', 2)) as t (value_field, n_records)",
            ),
        ]
    ),
    "unit_tests": {},
}


def result(unique_id: str, status: str, message: str, **more: Any) -> dict[str, Any]:
    return {"unique_id": unique_id, "status": status, "message": message, "execution_time": 0.1234, **more}


@pytest.fixture
def dbt2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a stand-in that CDR_DBT names."""
    folder = tmp_path / "dbt2"
    (folder / "target").mkdir(parents=True)
    program = folder / "dbt"
    program.write_text(STAND_IN.replace("{python}", sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("CDR_DBT", str(program))
    monkeypatch.setenv("DBT_TARGET_PATH", str(folder / "target"))
    return folder


def writes(
    dbt2: Path, lines: list[str], results: list[dict[str, Any]], code: int = 0, invocation: str = INVOCATION
) -> None:
    artifacts = {
        "manifest.json": MANIFEST,
        "run_results.json": {"metadata": {"invocation_id": invocation}, "results": results},
    }
    (dbt2 / "written.json").write_text(json.dumps({"lines": lines, "artifacts": artifacts, "code": code}))


def run(dbt2: Path, **options: Any) -> Any:
    return dbt_program.run(str(dbt2 / "dbt"), ["build"], dbt2 / "target", **{"quiet": True, **options})


def test_dbt_runs_in_this_process_unless_a_program_is_named(
    dbt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dbt_program.find() == str(dbt2 / "dbt")
    monkeypatch.setenv("CDR_DBT", str(Path(sys.executable).parent / "dbt"))
    with pytest.raises(CdrError, match=r"is not dbt 2; `cdr` runs dbt 1 in its own process: unset CDR_DBT"):
        dbt_program.find()
    monkeypatch.setenv("CDR_DBT", str(tmp_path / "missing"))
    with pytest.raises(CdrError, match="missing is not a program; correct CDR_DBT, or unset it and install"):
        dbt_program.find()
    monkeypatch.delenv("CDR_DBT")
    assert dbt_program.find() is None
    # Without dbt 1, the one on the PATH.
    monkeypatch.setattr("loader.builds.dbt_program.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(dbt2))
    assert dbt_program.find() == str(dbt2 / "dbt")


def test_results_and_progress(dbt2: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = [
        event("Generic", "warn", "[warning] deprecated"),
        event("NodeStart", "debug", "began", "fact_calls"),
        event("NodeFinished", "debug", "ended", "fact_calls"),
        event("LogModelResult", "info", "Succeeded"),
    ]
    results = [
        result("model.sinch_cdr.fact_calls", "success", "Succeeded"),
        result("model.sinch_cdr.rule", "skipped", "Skipped"),
        result("operation.sinch_cdr.on-run-start-1", "success", "Succeeded"),
        result("test.sinch_cdr.unique_a1", "fail", "Error", failures=1),
    ]
    writes(dbt2, lines, results, code=1)
    reported: list[Any] = []
    outcome = run(dbt2, progress=lambda *each: reported.append(each))
    assert reported == [(0, 0, "fact_calls"), (1, 0, "fact_calls")]
    assert (outcome.success, outcome.refusal) == (False, None)
    assert outcome.relations == {("marts", "fact_calls")}
    assert [(each["label"], each["status"], each["message"], each["failures"]) for each in outcome.nodes] == [
        ("fact_calls", "success", "Succeeded", None),
        ("on-run-start-1", "success", "Succeeded", None),
        ("unique of fact_calls.call_key", "fail", "1 row found", 1),
    ]
    assert outcome.nodes[0]["seconds"] == 0.123
    assert capfd.readouterr().out == ""
    # Without progress dbt's own lines, but those to find errors; quiet: errors alone.
    run(dbt2, quiet=False)
    assert capfd.readouterr().out == "[warning] deprecated\nSucceeded\n"
    run(dbt2)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("lines", "results", "invocation", "refusal"),
    [
        (["error: unexpected argument '--nope'"], [], "older", "error: unexpected argument '--nope'"),
        ([], [], "older", "it ended with exit code 2"),
        (
            [event("Generic", "error", "[error] no model \x1b a\n  --> models/a.sql")],
            [result("model.sinch_cdr.fact_calls", "success", "Succeeded")],
            "older",
            "no model \\x1b a",
        ),
        (
            [event("Generic", "error", "[error] [JinjaError (dbt1501)]: its key is missing")],
            [
                result("operation.sinch_cdr.on-run-start-1", "error", "Error"),
                result("model.sinch_cdr.fact_calls", "error", "Compilation Error"),
            ],
            INVOCATION,
            "its key is missing",
        ),
    ],
)
def test_what_dbt_refuses_is_one_line(
    dbt2: Path, lines: list[str], results: list[dict[str, Any]], invocation: str, refusal: str
) -> None:
    writes(dbt2, lines, results, code=2, invocation=invocation)
    assert run(dbt2).refusal == refusal


def test_an_interrupt_of_dbt_is_one_of_cdr(dbt2: Path) -> None:
    writes(dbt2, [], [], code=130)
    with pytest.raises(KeyboardInterrupt):
        run(dbt2)


def test_the_daily_job_with_a_program(copy: Loader, dbt2: Path, tmp_path: Path) -> None:
    warned = [
        result("test.sinch_cdr.warn_late", "warn", "Warn", failures=12),
        result("test.sinch_cdr.values", "warn", "Warn", failures=2),
    ]
    writes(dbt2, [event("MainReportVersion", "info", "Running")], warned)
    late_file = tmp_path / "late_sip_terminated_2026-11-22.csv"
    late_file.write_text(delivery("late"))
    build = copy.json("run", late_file)["build"]
    assert build["exit_code"] == 0
    late = [f"file \\x1b is late, row {row}" for row in range(10)]
    assert build["findings"][:11] == [*late, "and 2 more of warn_late"]
    assert build["findings"][11] == (
        "fact_calls, result: DENIED (1 record), aaaa 99 (2 records): not in the vendor's list; add a row to "
        "seeds/outcome_map.csv and run `cdr build`, or ask for the file again"
    )
    line, environment = json.loads((dbt2 / "called.json").read_text())
    assert line[:2] == ["build", "--project-dir"]
    assert line[-2:] == ["--log-format", "json"]
    assert not {"--quiet", "--log-level", "--no-use-colors", "--no-write-json"} & set(line)
    assert environment["CDR_DATABASE"] == str(copy.database)
    assert Path(environment["CDR_TEMP_DIRECTORY"]).parent != copy.database.parent
    writes(dbt2, [event("Generic", "error", "[error] broken")], [], code=1)
    remedy = "correct it and run `cdr build` again"
    assert copy.error("build") == f"cdr: dbt could not run: broken; {remedy}"


@pytest.mark.skipif("CDR_TESTS_DBT2" not in os.environ, reason="CDR_TESTS_DBT2 names no dbt 2")
def test_dbt_2_builds_what_dbt_1_builds(
    copy: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_RESOURCE_TYPES", "model seed")
    other = Loader(Path(shutil.copy(copy.database, tmp_path / "other.duckdb")), copy.inbox)
    late = tmp_path / "late_sip_terminated_2026-11-22.csv"
    late.write_text(delivery("late"))
    copy("run", late, "-q")
    monkeypatch.setenv("CDR_DBT", os.environ["CDR_TESTS_DBT2"])
    # The tests' own `none` is no level of dbt 2.
    monkeypatch.delenv("DBT_LOG_LEVEL_FILE")
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    other("run", late, "-q")
    for table in ("fact_calls", "mart_cost_daily", "mart_traffic_hourly", "mart_rate_history"):
        query = f"select columns(lambda c: c <> 'loaded_at') from marts.{table}"
        assert sorted(map(repr, other.query(query))) == sorted(map(repr, copy.query(query)))
