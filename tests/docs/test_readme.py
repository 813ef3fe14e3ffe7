"""README.md's commands run, its queries and those of models/README.md answer what Python computes from rows.
loader/README.md lists every reason code, state and JSON document, and names no option that does not exist.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from harness import Loader, environment
from help_texts import COMMANDS, REPOSITORY, commands, help_page
from marts_by_rows import (
    COUNTRIES,
    Answer,
    Rows,
    connection,
    down,
    groups,
    marts,
    order,
    ratio,
    rounded,
    same,
    summed,
)

from loader.cli.main import main
from loader.database.manifest import State
from loader.parsing.records import Reason


def test_help_texts_are_those_of_the_commands() -> None:
    assert COMMANDS.read_text() == help_page(), "run make generated"


def test_every_reason_code_and_state_is_documented() -> None:
    text = (REPOSITORY / "loader" / "README.md").read_text()
    for words in (Reason, State):
        rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
        assert [word for word in words if word not in rows] == []


def test_the_json_document_of_every_command_is_documented() -> None:
    text = (REPOSITORY / "loader" / "README.md").read_text().split("\n## JSON\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(main.commands)


def test_options_that_the_readme_names_exist() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (REPOSITORY / "loader" / "README.md").read_text()))
    known = {
        option
        for command in commands().values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    # Options of dbt, passed on by `cdr build`, of pip, clients, and what fetches files and starts containers.
    dbt = {"--full-refresh", "--select", "--store-failures", "--vars"}
    pip = {"--no-deps", "--require-hashes", "--no-cache-dir"}
    assert named - known <= {"--help", *dbt, *pip, "--only-newer", "--read-only", "--rm"}


def test_the_commands_of_the_readme_run_in_order(copy: Loader, tmp_path: Path) -> None:
    """As written, in a folder like that of `make demo`."""
    shutil.copytree(copy.inbox, tmp_path / ".demo")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    page = (REPOSITORY / "README.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert [block.startswith("make ") for block in blocks] == [True, False, False]
    script = "".join(blocks[1:])
    assert script.count(".venv/bin/cdr ") == 5
    variables = environment() | {
        "CDR_DATABASE": str(copy.database),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "TMPDIR": str(tmp_path),
        # Data tests run in other tests.
        "DBT_RESOURCE_TYPES": "model seed",
    }
    run = ["bash", "-euc", f"{script}\necho $CDR_DATABASE"]
    done = subprocess.run(run, capture_output=True, text=True, env=variables, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / ".demo" / "week.html").is_file()
    own = Loader(Path(done.stdout.splitlines()[-1]), copy.inbox)
    calls = "select count(*) from marts.fact_calls"
    assert own.query(calls) == copy.query(calls)


def test_planted_abuse_goes_into_a_database_of_its_own(tmp_path: Path) -> None:
    """As `models/README.md` has it, but for the build."""
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    page = (REPOSITORY / "models" / "README.md").read_text()
    (block,) = [
        one for one in re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE) if "synth" in one
    ]
    script = f"{block}\necho $CDR_DATABASE".replace("cdr run", "cdr stage")
    variables = environment() | {"TMPDIR": str(tmp_path), "CDR_DATABASE": str(tmp_path / "cdr.duckdb")}
    done = subprocess.run(
        ["bash", "-euc", script], capture_output=True, text=True, env=variables, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    own = Loader(Path(done.stdout.splitlines()[-1]), tmp_path / "inbox" / "abuse")
    assert len({day for (day,) in own.query("select file_date from raw_sinch.files")}) == 60
    assert not (tmp_path / "cdr.duckdb").exists()


def queries() -> list[str]:
    """The queries of README.md and models/README.md."""
    found = []
    for name in ("README.md", "models/README.md"):
        for block in re.findall(
            r"^```sql\n(.*?)^```", (REPOSITORY / name).read_text(), re.DOTALL | re.MULTILINE
        ):
            found += [query for query in block.split(";") if re.match(r"\s*select\b", query)]
    return found


def cost_by_country(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["mart_cost_daily"] if row["currency"] is not None]
    lines = []
    for (country, currency), rows in groups(wanted, "destination_country", "currency").items():
        shown = COUNTRIES.get(country, country) or "not known"
        charged = summed(rows, "charged_amount")
        rate = rounded(ratio(None if charged is None else 60 * charged, summed(rows, "charged_seconds")), 4)
        amount = rounded(summed(rows, "amount"), 2)
        lines.append(
            (summed(rows, "amount_reporting"), (shown, currency, summed(rows, "calls"), amount, rate))
        )
    return [line for _, line in sorted(lines, key=lambda one: order(down(one[0])))][:12]


def calls_of_signals(mart: dict[str, Rows]) -> Answer:
    names = ("called_at", "user_id", "callee_e164", "number_type", "duration_seconds", "amount")
    lines = [
        tuple(call[name] for name in names)
        for signal in mart["mart_signals"]
        if signal["rule"] == "irsf_like"
        for call in mart["fact_calls"]
        if signal["first_at"] <= call["called_at"] <= signal["last_at"]
        and call["user_id"] == signal["entity"]
        and signal["application_key"] in (None, call["application_key"])
    ]
    return sorted(lines, key=lambda line: line[0])[:3]


def ratios(mart: dict[str, Rows]) -> Answer:
    lines = []
    for key, rows in groups(mart["mart_quality_daily"], "application_key").items():
        length = ratio(summed(rows, "talk_seconds"), summed(rows, "timed_answers"))
        lines.append((*key, length, ratio(summed(rows, "answers"), summed(rows, "seizures"))))
    return sorted(lines, key=lambda line: order(line[0]))


COMPUTED: list[Callable[[dict[str, Rows]], Answer]] = [
    cost_by_country,
    ratios,
    calls_of_signals,
]


@pytest.mark.parametrize("number", range(len(COMPUTED)), ids=[one.__name__ for one in COMPUTED])
def test_every_query_answers_what_python_computes(number: int) -> None:
    query = queries()[number]
    found = connection().execute(query).fetchall()
    if "order by" not in query:
        found.sort(key=lambda row: order(row[0]))
    same(found, COMPUTED[number](marts()))


def test_every_query_is_computed() -> None:
    assert len(queries()) == len(COMPUTED)
