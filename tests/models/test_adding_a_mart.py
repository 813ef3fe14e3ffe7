"""The walk "Adding a mart" of models/README.md leads to a built, tested and linted mart."""

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from harness import REPOSITORY, Loader

_FILE = re.compile(r"^ +`(\S+)`\n\n +```(?:sql|yaml|text)\n(.*?)^ +```$", re.DOTALL | re.MULTILINE)
MART = "marts.mart_late_daily"


def walk() -> dict[str, str]:
    """The files of the walk, with their text or the row to add."""
    page = (REPOSITORY / "models" / "README.md").read_text()
    section = page.split("## Adding a mart\n")[1].split("\n## ")[0]
    return {name: textwrap.dedent(text) for name, text in _FILE.findall(section)}


def run(folder: Path, *arguments: str) -> None:
    """A Python program in a copy of the project; it must succeed."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with the walk's files in it."""
    folder = tmp_path / "project"
    shutil.copytree(
        REPOSITORY,
        folder,
        ignore=shutil.ignore_patterns(
            ".*_cache", ".venv", ".git", ".demo", "target", "fixtures", "*.duckdb*"
        ),
    )
    for name, text in walk().items():
        path = folder / name
        if path.exists():
            text = path.read_text() + text
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def test_the_walk_builds_tests_and_checks_a_mart(
    copy: Loader, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDR_PROJECT_DIR", str(project))
    monkeypatch.setenv("DBT_WRITE_JSON", "true")
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

    conventions = (project / "dbt-bouncer.yml").read_text()
    (project / "dbt-bouncer.yml").write_text(conventions.replace("target/scratch", "target"))
    run(project, str(Path(sys.executable).with_name("dbt-bouncer")), "run", "--show-all-failures")


def test_the_walk_is_linted(project: Path) -> None:
    run(project, "-m", "sqlfluff", "lint", *(name for name in walk() if name.endswith(".sql")))


def test_the_walk_leaves_documents_complete(project: Path) -> None:
    for script in re.findall(
        r"\$\(BIN\)/python (tests/\S*/(?:dictionary|contracts)\.py)", (REPOSITORY / "Makefile").read_text()
    ):
        run(project, script)
    run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/docs/test_docs.py")
