"""The wheel works alone: in an empty environment, in another folder, without a home or the repository."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from harness import REPOSITORY, environment


def built_wheel(source: Path, folder: Path) -> Path:
    command = [
        *(sys.executable, "-m", "pip", "wheel", "-q"),
        *("--no-deps", "--no-build-isolation", "-w", str(folder)),
    ]
    subprocess.run([*command, str(source)], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(REPOSITORY, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def earlier_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the commit before this one, or of this tree where the history is not there; of a version before."""
    source = tmp_path_factory.mktemp("earlier")
    git = ["git", "-C", str(REPOSITORY), "archive"]
    archive = subprocess.run([*git, "HEAD~1"], capture_output=True)
    if archive.returncode:
        archive = subprocess.run([*git, "HEAD"], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(source)], input=archive.stdout, check=True)
    package = source / "pyproject.toml"
    text = re.sub(r'^version = ".*"$', 'version = "0.0.1"', package.read_text(), flags=re.MULTILINE)
    package.write_text(text)
    return built_wheel(source, tmp_path_factory.mktemp("earlier-wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the locked dependencies and the wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    uv = [str(Path(sys.executable).with_name("uv"))]
    subprocess.run([*uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    # The dbt that runs the tests. Its lock omits what dbt-core 1.12 requires and nobody uses.
    lock = "requirements.txt" if version("dbt-core").startswith("1.11.") else "requirements-dbt-next.txt"
    locked = ["--require-hashes", "--no-deps", "-r", str(REPOSITORY / lock)]
    subprocess.run([*uv, "pip", "install", "-q", "--python", str(python(folder)), *locked], check=True)
    install(folder, wheel)
    return folder


def python(environment: Path) -> Path:
    return environment / "bin" / "python"


def install(environment: Path, wheel: Path) -> None:
    """In place of the version that is there."""
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "-q", "--no-deps"]
    subprocess.run([*uv, "--python", str(python(environment)), str(wheel)], check=True)


def cdr(environment: Path, folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", **more}
    if limit := os.environ.get("CDR_MEMORY_LIMIT"):
        variables["CDR_MEMORY_LIMIT"] = limit
    command = [str(environment / "bin" / "cdr"), *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)


def dbt_nodes(project: Path, target: Path) -> set[str]:
    """Everything that dbt finds in a project: models, seeds, tests, unit tests, metrics…"""
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "-q", "ls", "--output", "json", "--output-keys", "unique_id"),
        *("--project-dir", str(project), "--profiles-dir", str(project / "profiles")),
        *("--target-path", str(target), "--log-path", str(target)),
    ]
    variables = {"CDR_DATABASE": str(target / "cdr.duckdb"), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    listed = subprocess.run(command, env=environment() | variables, capture_output=True, text=True)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    return {json.loads(line)["unique_id"] for line in listed.stdout.splitlines()}


def test_the_wheel_holds_the_project(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "wheel")
    packaged = tmp_path / "wheel" / "loader" / "project"
    names = {str(path.relative_to(packaged)) for path in packaged.rglob("*") if path.is_file()}
    tracked = subprocess.run(
        ["git", "ls-files", "dbt_project.yml", "selectors.yml", "macros", "models", "profiles", "seeds"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    assert {name for name in tracked if name} <= names
    assert dbt_nodes(packaged, tmp_path / "theirs") == dbt_nodes(REPOSITORY, tmp_path / "ours")
    assert wheel.stat().st_size < 1_000_000


def test_installed_alone_it_runs_the_daily_job(installed: Path, tmp_path: Path) -> None:
    packaged = next(installed.glob("lib/python*/site-packages/loader"))
    before = sorted(path for path in packaged.rglob("*") if "__pycache__" not in path.parts)
    result = cdr(installed, tmp_path, "synth", "inbox", "--days", "1", "--calls-per-day", "20", "-q")
    assert result.returncode == 0, result.stderr
    result = cdr(installed, tmp_path, "run", "inbox", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(result.stdout)["summary"]["calls"] == 20
    assert (tmp_path / "cdr.duckdb").exists()
    # Nothing is written into the package.
    assert sorted(path for path in packaged.rglob("*") if "__pycache__" not in path.parts) == before


def test_a_teams_project_survives_an_upgrade(
    installed: Path, wheel: Path, earlier_wheel: Path, tmp_path: Path
) -> None:
    """Made and run by the version before, then by this one: same rows, their rates, their settings."""
    try:
        install(installed, earlier_wheel)
        assert cdr(installed, tmp_path, "--version").stdout == "cdr, version 0.0.1\n"
        cdr(installed, tmp_path, "synth", "inbox", "--days", "1", "--calls-per-day", "20", "-q")
        assert cdr(installed, tmp_path, "init", "ours").returncode == 0
        ours = tmp_path / "ours"
        rates = ours / "seeds" / "fx_rates.csv"
        with rates.open("a") as out:
            out.write("2026-11-22,XAF,EUR,0.5\n")
        own = {path: path.read_bytes() for path in ours.rglob("*") if path.is_file()}
        # Data tests run where it is installed alone.
        result = cdr(installed, ours, "run", "../inbox", "-q", DBT_RESOURCE_TYPES="model seed")
        assert result.returncode == 0, result.stdout + result.stderr
        amounts = marts(ours)
    finally:
        install(installed, wheel)
    assert cdr(installed, tmp_path, "--version").stdout != "cdr, version 0.0.1\n"
    # In a moved environment: the link to the package is made again.
    shutil.rmtree(ours / "dbt_packages")
    result = cdr(installed, ours, "build", "-q", "-s", "mart_minutes_by_weekday")
    assert result.returncode == 0, result.stdout + result.stderr
    assert marts(ours) == amounts
    assert {path: path.read_bytes() for path in own} == own
    with duckdb.connect(ours / "cdr.duckdb", read_only=True) as connection:
        found = connection.execute("select count(*) from reference.fx_rates where from_currency = 'XAF'")
        assert found.fetchone() == (1,)
    # A project that this version makes is the same; otherwise it has to build too.
    assert cdr(installed, tmp_path, "init", "again").returncode == 0
    again = tmp_path / "again"
    made = {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()}
    before = {path.relative_to(ours): content for path, content in own.items()}
    theirs = {Path("seeds/fx_rates.csv"), Path("requirements.txt"), Path("cdr-tables.txt")}
    if {name: made[name] for name in made.keys() - theirs} != {
        name: before[name] for name in before.keys() - theirs
    }:
        shutil.copyfile(ours / "cdr.duckdb", again / "cdr.duckdb")
        result = cdr(installed, again, "build", "-q", "-s", "mart_minutes_by_weekday", "path:seeds")
        assert result.returncode == 0, result.stdout + result.stderr


def test_a_teams_project_pins_and_hashes_what_it_installs(
    installed: Path, wheel: Path, tmp_path: Path
) -> None:
    assert cdr(installed, tmp_path, "init", "ours").returncode == 0
    ours = tmp_path / "ours"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    named = f"cdr-tables @ {wheel.as_uri()} --hash=sha256:{digest}\n"
    assert (ours / "cdr-tables.txt").read_text() == named
    (job,) = yaml.safe_load((ours / ".github" / "workflows" / "ci.yml").read_text())["jobs"].values()
    steps = [step for step in job["steps"] if "run" in step]
    assert [step["run"].split()[:2] for step in steps] == [
        *(["pip", "install"], ["pip", "install"], ["cdr", "synth"], ["cdr", "run"])
    ]
    uv = str(Path(sys.executable).with_name("uv"))
    commands = f"""
        pip() {{ "{uv}" pip "$1" -q --python "{python(installed)}" "${{@:2}}"; }}
        export PATH="{installed / "bin"}:$PATH"
    """
    for step in steps:
        variables = {"DBT_RESOURCE_TYPES": "model seed"} | {
            name: value.replace("${{ runner.temp }}", str(tmp_path))
            for name, value in step.get("env", {}).items()
        }
        done = subprocess.run(
            ["bash", "-euc", f"{commands}{step['run']}"],
            cwd=ours,
            env=os.environ | variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{step['run']}: {done.stdout}{done.stderr}"
    with duckdb.connect(tmp_path / "ci.duckdb", read_only=True) as connection:
        assert connection.execute("select count(*) > 0 from marts.mart_minutes_by_weekday").fetchone() == (
            True,
        )


def test_workflows_keep_no_credentials_and_images_have_digests() -> None:
    workflows = [
        *(REPOSITORY / ".github" / "workflows").glob("*.yml"),
        REPOSITORY / "loader" / "operations" / "team_project" / "workflows" / "ci.yml",
    ]
    steps = [
        step
        for path in workflows
        for job in yaml.safe_load(path.read_text())["jobs"].values()
        for step in job["steps"]
        if "uses" in step
    ]
    checkouts = [step for step in steps if step["uses"].startswith("actions/checkout@")]
    assert len(checkouts) > 5
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in steps)
    container = json.loads((REPOSITORY / ".devcontainer" / "devcontainer.json").read_text())
    assert re.search(r"@sha256:[0-9a-f]{64}$", container["image"])


def marts(folder: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(folder / "cdr.duckdb", read_only=True) as connection:
        return [
            *connection.execute("from marts.mart_minutes_by_weekday order by all").fetchall(),
            *connection.execute("select call_key, amount from marts.fact_calls order by all").fetchall(),
        ]
