"""The walk "Adding a mart" of models/README.md leads to a built, tested and linted mart."""

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from harness import REPOSITORY, Loader

_FILE = re.compile(r"^ +`(models/\S+)`\n\n +```(?:sql|yaml)\n(.*?)^ +```$", re.DOTALL | re.MULTILINE)
MART = "marts.mart_late_daily"


def walk() -> dict[str, str]:
    """The files that the walk has one write, and what stands in each."""
    page = (REPOSITORY / "models" / "README.md").read_text()
    section = page.split("## Adding a mart\n")[1].split("\n## ")[0]
    return {name: textwrap.dedent(text) for name, text in _FILE.findall(section)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the dbt project with the walk's files in it."""
    folder = tmp_path / "project"
    for name in ("models", "macros", "seeds", "tests", "profiles", ".ci"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("*.py", "fixtures"))
    for name in ("dbt_project.yml", "selectors.yml"):
        shutil.copy(REPOSITORY / name, folder)
    for name, text in walk().items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def test_the_walk_builds_and_tests_a_mart(
    copy: Loader, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDR_PROJECT_DIR", str(project))
    built = copy.json("build", "--select", "mart_late_daily")["nodes"]
    kinds = {node["node"].split(".")[0] for node in built}
    assert kinds == {"model", "operation", "test", "unit_test"}
    assert {node["status"] for node in built} == {"success", "pass"}
    found = copy.query(f"select report_date, call_type, calls, late_calls from {MART} order by all")
    assert found
    assert found == copy.query(
        "select report_date, call_type, count(*), count_if(days_late > 0) from marts.fact_calls"
        " group by all order by all"
    )


def test_the_walk_is_linted(project: Path) -> None:
    (sql,) = (name for name in walk() if name.endswith(".sql"))
    lint = [sys.executable, "-m", "sqlfluff", "lint", "--config", str(REPOSITORY / ".sqlfluff"), sql]
    done = subprocess.run(lint, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
