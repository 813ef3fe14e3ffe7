"""Every command of the operations handbook in loader/README.md runs, on a database of its own."""

import ast
import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import yaml
from harness import REPOSITORY, Loader, environment

from loader.synth import DEFAULT_END

PAGE = (REPOSITORY / "loader" / "README.md").read_text()
HANDBOOK = PAGE.split("## Operations\n")[1].split("\n## ")[0]
CLIENTS = PAGE.split("## Open it with\n")[1].split("\n## ")[0]
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def blocks(chapter: str = HANDBOOK) -> Iterator[tuple[str, str]]:
    """A chapter's blocks in order: language and text."""
    for _, language, text in _BLOCK.findall(chapter):
        yield language, textwrap.dedent(text)


def commands(language: str, text: str) -> list[str]:
    """The shell commands of a block."""
    if language == "text":
        return []
    if language == "sh":
        return [line.split("  #")[0].strip() for line in text.splitlines()]
    if language == "cron":
        *settings, job = text.splitlines()
        assert all(re.fullmatch(r"[A-Z_]+=\S+", setting) for setting in settings)
        minute, hour, *_, command = job.split(maxsplit=5)
        assert (int(minute) < 60, int(hour) < 24) == (True, True)
        return [command]
    if language == "ini":
        unit = configparser.ConfigParser(strict=True)
        unit.optionxform = str  # type: ignore[method-assign, assignment]
        unit.read_string(text)
        if not unit.has_section("Service"):
            assert unit["Timer"]["OnCalendar"].startswith("*-*-* ")
            return []
        assert unit["Service"]["Type"] == "oneshot"
        return [unit["Service"]["ExecStart"]]
    if language == "yaml":
        (job,) = yaml.safe_load(text)["jobs"].values()
        return [step["run"] for step in job["steps"]]
    if language == "dockerfile":
        lines = dict(line.split(" ", 1) for line in text.splitlines())
        assert (REPOSITORY / lines["COPY"].split()[0]).is_file()
        return [shlex.join(json.loads(lines["CMD"]))]
    assert language == "python", language
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.keyword) and node.arg == "bash_command":
            found.append(str(ast.literal_eval(node.value)))
        if isinstance(node, ast.List):
            found.append(" ".join(map(str, ast.literal_eval(node))))
    return found


@pytest.fixture
def place(copy: Loader, tmp_path: Path) -> dict[str, str]:
    """A temporary folder for each folder of the handbook."""
    folders = {path: tmp_path / path.strip("/").replace("/", "_") for path in ("/var/lib/cdr", "/backup")}
    for path in ("/srv/tables", "/srv/lake", "/srv/marts"):
        folders[path] = tmp_path / path.rsplit("/", 1)[1]
    for path in ("/var/lib/cdr", "/backup", "/srv/tables"):
        folders[path].mkdir()
    shutil.copyfile(copy.database, folders["/var/lib/cdr"] / "cdr.duckdb")
    return {path: str(folder) for path, folder in {**folders, "/srv/inbox": copy.inbox}.items()}


def test_every_command_runs(built: Loader, place: dict[str, str], tmp_path: Path) -> None:
    variables = environment() | {
        "CDR_DATABASE": place["/var/lib/cdr"] + "/cdr.duckdb",
        "DBT_TARGET_PATH": str(tmp_path / "target"),
    }
    ran, scheduled = list[str](), list[str]()
    for language, text in blocks():
        for command in commands(language, text):
            # Schedulers have one job.
            if language != "sh" and command in scheduled:
                continue
            scheduled.append(command)
            for path, here in place.items():
                command = command.replace(path, here)
            done = subprocess.run(
                ["bash", "-c", command], capture_output=True, text=True, env=variables, cwd=tmp_path
            )
            limit = re.search(r"--max-age (\d+)", command)
            age = (datetime.now(UTC).date() - DEFAULT_END).days
            expected = int(limit is not None and age > int(limit[1]))
            assert done.returncode == expected, f"{command}: {done.stdout}{done.stderr}"
            ran.append(command)
    assert sum(command.startswith("cdr ") for command in ran) >= 15
    for name in ("calls.duckdb", "masked.duckdb"):
        query = "select count(*) from marts.fact_calls where callee_e164 similar to '[+][0-9]+'"
        with duckdb.connect(Path(place["/srv/tables"]) / name, read_only=True) as connection:
            (clear,) = connection.execute(query).fetchone() or (None,)
        assert clear == (0 if name == "masked.duckdb" else built.query(query)[0][0])
    with duckdb.connect(variables["CDR_DATABASE"], read_only=True) as connection:
        kept = connection.execute("select table_name from duckdb_tables() where schema_name like '%audit'")
        assert kept.fetchall() == [("assert_every_file_record_is_staged_or_rejected",)]
    # The page of a masked publication shows masked values.
    page = tmp_path / "masked.html"
    Loader(Path(place["/srv/tables"]) / "masked.duckdb", built.inbox)("report", page, "-q")
    users = built.query("select distinct user_id from marts.mart_user_spend_daily where user_id <> ''")
    assert "****" in page.read_text()
    assert [user for (user,) in users if user in page.read_text()] == []


def test_every_scheduler_of_the_handbook_runs_the_daily_job() -> None:
    schedules = [
        command
        for language, text in blocks()
        if language != "sh"
        for command in commands(language, text)
        if command.startswith("cdr run /srv/inbox --wait 600")
    ]
    # cron, systemd, Airflow, Dagster, GitHub Actions, a container.
    assert len(schedules) == 6
    (container,) = [text for language, text in blocks() if language == "dockerfile"]
    assert len(container.splitlines()) == 10
    lock, wheel = re.findall(r"pip install .* (\S+)$", container, re.MULTILINE)
    assert (lock, wheel) == ("/tmp/requirements-cloud.txt", "/tmp/*.whl")


@pytest.mark.skipif(
    "DUCKDB_1_PYTHON" not in os.environ,
    reason="DUCKDB_1_PYTHON names no Python with the clients of requirements-client.txt",
)
def test_clients_open_the_publication(copy: Loader, tmp_path: Path) -> None:
    copy("publish", tmp_path / "calls.duckdb", "-q")
    client = Path(os.environ["DUCKDB_1_PYTHON"])
    variables = environment() | {"CDR_DATABASE": str(copy.database)}
    variables["PATH"] = f"{client.parent}:{variables['PATH']}"

    def output(*command: str | Path) -> str:
        done = subprocess.run(command, capture_output=True, text=True, env=variables, cwd=tmp_path)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    for language, text in blocks(CLIENTS):
        here = text.replace("/srv/tables", str(tmp_path)).replace("/srv/sheets", str(tmp_path / "sheets"))
        if language == "sh":
            output("bash", "-ec", here)
        elif language == "python":
            read = output(
                *(client, "-c"),
                f"{here}\nprint(in_polars['amount'].sum(), in_polars['report_date'].dtype, len(in_pandas))",
            )
    ((amount, rows),) = copy.query("select sum(amount), count(*) from marts.mart_cost_daily")
    assert read.split() == [str(amount), "Date", str(rows)]
    columns = [name for (name,) in copy.query("select column_name from (describe marts.mart_cost_monthly)")]
    assert (tmp_path / "costs.csv").read_text().splitlines()[0].split(",") == columns
    assert (tmp_path / "sheets" / "mart_cost_monthly.csv").exists()


def test_completion_completes(tmp_path: Path) -> None:
    (line,) = [
        command for language, text in blocks() for command in commands(language, text) if "_CDR_" in command
    ]
    script = f"""{line}
        complete -p cdr
        COMP_WORDS=(cdr sta) COMP_CWORD=1
        _cdr_completion cdr sta cdr && printf '%s\\n' "${{COMPREPLY[@]}}"
        COMPREPLY=() COMP_WORDS=(cdr files --sta) COMP_CWORD=2
        _cdr_completion cdr --sta files && printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=environment(), cwd=tmp_path
    )
    assert done.stdout.splitlines()[1:] == ["stage", "status", "--state"], done.stdout + done.stderr
