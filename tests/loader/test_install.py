"""The wheel works alone: in an empty environment, in another folder, without a home or the repository."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from harness import REPOSITORY


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
    ]
    subprocess.run([*command, str(REPOSITORY)], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the locked dependencies and the wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    uv = [str(Path(sys.executable).with_name("uv"))]
    subprocess.run([*uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    install = [*uv, "pip", "install", "-q", "--python", str(folder / "bin" / "python")]
    subprocess.run([*install, "--require-hashes", "-r", str(REPOSITORY / "requirements.txt")], check=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)
    return folder


def cdr(environment: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
    if limit := os.environ.get("CDR_MEMORY_LIMIT"):
        variables["CDR_MEMORY_LIMIT"] = limit
    command = [str(environment / "bin" / "cdr"), *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)


def test_the_wheel_holds_the_project(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    project = {name.removeprefix("loader/project/") for name in names if name.startswith("loader/project/")}
    tracked = subprocess.run(
        ["git", "ls-files", "dbt_project.yml", "selectors.yml", "macros", "models", "profiles", "seeds"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    assert {name for name in tracked if name} <= project
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


def test_a_teams_project_on_top_of_it(installed: Path, tmp_path: Path) -> None:
    cdr(installed, tmp_path, "synth", "inbox", "--days", "1", "--calls-per-day", "20", "-q")
    assert cdr(installed, tmp_path, "init", "ours").returncode == 0
    ours = tmp_path / "ours"
    result = cdr(installed, ours, "run", "../inbox", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    # A moved environment, as after an upgrade elsewhere: the link is made anew.
    shutil.rmtree(ours / "dbt_packages")
    result = cdr(installed, ours, "build", "-q", "-s", "mart_minutes_by_weekday")
    assert result.returncode == 0, result.stdout + result.stderr
