"""dbt's options with one-file databases, as in models/README.md; messages about mistakes in seeds."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from harness import REPOSITORY, Loader, environment

from loader.builds.build import Build, build
from loader.errors import CdrError

# A seed's text, what replaces it, and the message.
MISTAKES = {
    "fx_rates": (
        "2026-10-01,CHF,EUR,1.071200",
        '2026-10-01,CHF,EUR,"0,86"',
        "3, rate: '0,86' is not a number with a decimal point",
    ),
    "outcome_map": (
        "ANSWERED,CALLEEHANGUP,completed,",
        "ANSWERED,CALLEEHANGUP,done,",
        "3, outcome: 'done' is not listed as outcome in seeds/outcomes.csv",
    ),
    "outcomes": (
        "completed,customer,",
        "completed,somebody,",
        "2, outcome_side: 'somebody' is not one of application, called_party,",
    ),
    "signal_rules": (
        "spend_spike,severity,warn",
        "spend_spike,severity,fatal",
        "3, value: 'fatal' breaks the rule: case when setting = 'enabled'",
    ),
    "calling_codes": (
        "1204,CA,11,",
        "1204,CA,ten,",
        "3, lengths: 'ten' breaks the rule: lengths is null or",
    ),
    "countries": (
        "AE,United Arab Emirates,",
        "AE,Andorra,",
        "3, country_name: 'Andorra' occurs twice, first on line 2",
    ),
    "currencies": ("AFN,Afghani,", "AFN,,", "3, currency_name: '' is empty, but must have a value"),
}
NO_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")


def test_a_seed_that_does_not_fit_names_line_column_and_value(
    copy: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    for name in ("models", "macros", "seeds", "profiles"):
        shutil.copytree(REPOSITORY / name, project / name)
    shutil.copytree(REPOSITORY / "tests" / "generic", project / "tests" / "generic")
    for name in ("dbt_project.yml", "selectors.yml"):
        shutil.copy(REPOSITORY / name, project)
    for seed, (old, new, _) in MISTAKES.items():
        path = project / "seeds" / f"{seed}.csv"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
    monkeypatch.setenv("CDR_PROJECT_DIR", str(project))
    document = copy.json("build", "-s", *MISTAKES, *NO_TESTS, code=1)
    messages = {n["node"].split(".")[-1]: n["message"] for n in document["nodes"] if n["status"] == "error"}
    assert messages.keys() == MISTAKES.keys()
    for seed, (_, _, complaint) in MISTAKES.items():
        assert f"seeds/{seed}.csv, line {complaint}" in messages[seed]
        assert "?" not in messages[seed]


class Databases:
    """The copy of a built database, its manifest as dbt's state, and another database beside it."""

    def __init__(self, copy: Loader, folder: Path) -> None:
        self.built, self.other = copy.database, folder / "mine.duckdb"
        self.state, self.target = folder / "state", folder / "target"
        self.folders = ("--target-path", str(self.target), "--log-path", str(folder / "logs"))

    def dbt(self, database: Path, command: str, *arguments: str) -> Build:
        return build(
            database, (*arguments, *self.folders), quiet=True, stdout_to_stderr=False, command=command
        )

    def failure(self, command: str, *arguments: str) -> str:
        """What a command on the other database fails with."""
        try:
            result = self.dbt(self.other, command, *arguments)
        except CdrError as error:
            return str(error)
        assert result.exit_code == 1
        return " ".join(str(node["message"]) for node in result.nodes)


def test_options_of_dbt_between_databases(
    copy: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # What is set for dbt in this process goes with the test.
    for name in ("CDR_DATABASE", "CDR_PACKAGE_DIR", "DBT_SEND_ANONYMOUS_USAGE_STATS"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("DBT_WRITE_JSON", "true")
    databases = Databases(copy, tmp_path)
    # dbt show reads what is built.
    query = "select 4000 + count(*) as shown from {{ ref('fact_calls') }}"
    assert databases.dbt(databases.built, "show", "--inline", query).exit_code == 0
    calls = copy.query("select 4000 + count(*) from marts.fact_calls")[0][0]
    assert str(calls) in capfd.readouterr().out
    # Its manifest is the state of the other database's commands.
    shutil.copytree(databases.target, databases.state)
    monkeypatch.setenv("DBT_WRITE_JSON", "false")
    state = ("--state", str(databases.state))
    modified = databases.dbt(
        databases.other, "ls", "-s", "state:modified", "--resource-type", "model", *state
    )
    assert modified.exit_code == 0
    assert "mart" not in capfd.readouterr().out
    # Two files do not see each other ...
    for command in (("build", "-s", "mart_cost_monthly", "--defer", *NO_TESTS), ("clone", "-s", "dim_dates")):
        assert "does not exist" in databases.failure(*command, *state)
    followed = databases.failure("build", "-s", "mart_quality_daily", "--defer", *NO_TESTS, *state)
    assert "follows fact_calls, which must be built first" in followed
    # ... unless one is attached, under the name that it has in that manifest.
    profiles = yaml.safe_load((REPOSITORY / "profiles" / "profiles.yml").read_text())
    dev = profiles["sinch_cdr"]["outputs"]["dev"]
    dev["database"], dev["settings"]["schema"] = "mine", "mine.main"
    dev["attach"] = [
        {"path": str(databases.other), "alias": "mine"},
        {"path": str(databases.built), "alias": "sinch_cdr", "read_only": True},
    ]
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "profiles.yml").write_text(yaml.safe_dump(profiles))
    own = ("--project-dir", str(REPOSITORY), "--profiles-dir", str(tmp_path / "profiles"))
    # By plain dbt, since cdr attaches a database under the project's own name.
    arguments = ("-s", "mart_cost_monthly", "--defer", *NO_TESTS, *state, *own, *databases.folders)
    done = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "build", *arguments],
        env=environment() | {"CDR_TARGET": "dev", "CDR_DATABASE": str(databases.other)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    mine = Loader(databases.other, tmp_path)
    months = "select count(*), sum(amount) from marts.mart_cost_monthly"
    assert mine.query(months) == copy.query(months)
    # Contracts hold without a record.
    assert databases.dbt(databases.other, "build", "--empty", *NO_TESTS).exit_code == 0
    assert mine.query("select count(*) from marts.fact_calls") == [(0,)]


def test_habits_of_dbt(tmp_path: Path) -> None:
    """Plain dbt on a new database, as the page has it."""
    cdr = Loader(tmp_path / "cdr.duckdb", tmp_path / "inbox")
    target = tmp_path / "target"
    folders = ("--project-dir", str(REPOSITORY), "--profiles-dir", str(REPOSITORY / "profiles"))

    def dbt(*arguments: str, code: int = 0, **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dbt.cli.main", *arguments, *folders, "--target-path", str(target)],
            env=environment()
            | {"CDR_DATABASE": str(cdr.database), "DBT_WRITE_JSON": "true", "DBT_LOG_PATH": str(tmp_path)}
            | variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    # The selector for new deliveries; of a source nothing is built.
    lines = dbt("--quiet", "ls", "--output", "json", "--output-keys", "unique_id", "--selector", "data")
    chosen = {json.loads(line)["unique_id"] for line in lines.splitlines()}
    manifest = json.loads((target / "manifest.json").read_text())
    parts = ("nodes", "sources", "unit_tests", "exposures", "metrics", "semantic_models", "saved_queries")
    everything = {name for part in parts for name in manifest[part] if not name.startswith("operation.")}
    assert chosen < everything
    left_out = everything - chosen
    assert len(left_out) > 150
    assert {name.split(".")[0] for name in left_out} == {"unit_test", "source"}
    # Its seed is not there: the model fails, and is retried when it is.
    dbt("run", "-s", "dim_outcomes", "--sample", "3 days", code=1)
    state = tmp_path / "state"
    state.mkdir()
    shutil.copy(target / "run_results.json", state)
    dbt("seed", "-s", "outcomes")
    assert "Done. PASS=" in dbt("retry", "--state", str(state))
    rows = len((REPOSITORY / "seeds" / "outcomes.csv").read_text().splitlines()) - 1
    assert cdr.query("select count(*) from marts.dim_outcomes") == [(rows,)]
    dbt("docs", "generate", "-s", "dim_outcomes")
    assert "dim_outcomes" in (target / "catalog.json").read_text()
    # Nothing was ever loaded.
    assert "ERROR STALE" in dbt("source", "freshness", code=1)
    assert "does not have a target named 'prod'" in dbt("parse", code=2, DBT_TARGET="prod")
