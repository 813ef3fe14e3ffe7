"""One definition of a kind of file in Python equals the one in dbt; a fifth kind touches few files."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from harness import REPOSITORY
from jinja2 import Environment

from loader import feeds
from loader.feeds import KINDS
from loader.parsing.header import is_header, kind_of

SINCH = REPOSITORY / "models" / "staging" / "sinch"
LINEAGE = ["_file_id", "_line", "_extra"]


def of_dbt(macro: str) -> Any:
    """What a macro of macros/kinds.sql returns."""
    found: list[Any] = []
    environment = Environment(extensions=["jinja2.ext.do"])
    text = (REPOSITORY / "macros" / "kinds.sql").read_text()
    environment.from_string(f"{text}{{{{ {macro}() }}}}").render({"return": found.append})
    return found[0]


def columns(path: Path, group: str, tables: str) -> dict[str, list[dict[str, Any]]]:
    """The columns of each table that a properties file describes."""
    content = yaml.safe_load(path.read_text())[group]
    listed = content if group == "models" else content[0][tables]
    return {table["name"]: table["columns"] for table in listed}


def test_kinds_are_those_of_dbt() -> None:
    assert {kind: tuple(names) for kind, names in of_dbt("kinds").items()} == KINDS
    assert list(of_dbt("kinds")) == list(KINDS)
    types = of_dbt("column_types")
    assert set(types) == set(feeds.VENDOR_COLUMNS.values())
    assert {name for name, kind in types.items() if kind == "time"} == set(feeds.TIMES)


def test_raw_tables_are_described_as_they_are_made() -> None:
    described = columns(SINCH / "_sinch__sources.yml", "sources", "tables")
    assert {kind: [column["name"] for column in described[kind]] for kind in KINDS} == {
        kind: [*names, *LINEAGE] for kind, names in KINDS.items()
    }
    personal = {
        column["name"]
        for kind in KINDS
        for column in described[kind]
        if column.get("config", {}).get("meta", {}).get("contains_pii")
    }
    assert personal == {*feeds.PERSONAL, "_extra"}


def test_json_schemas_list_the_kinds() -> None:
    common = json.loads((REPOSITORY / "loader" / "cli" / "schemas" / "common.json").read_text())
    assert common["$defs"]["kind"]["enum"] == list(KINDS)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        *((name, "app_app") for name in ("FromUserId", "ToUserId")),
        *((name, "phone_terminated") for name in ("AnswerTime", "UserId", "ToCountryId")),
        *((name, "phone_originated") for name in ("Amount", "Currency")),
        *((name, "sip_terminated") for name in ("From", "To")),
        *((name, None) for name in ("CallId", "Result", "Custom", "ApplicationKey")),
    ],
)
def test_the_rarest_column_determines_the_kind(column: str, kind: str | None) -> None:
    assert kind_of({column, "CallId", "Custom"}) == kind


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["CallId"], True),
        (["calltime", '"Duration"', "result"], True),
        (["CallTime", "Duration"], False),
        (["CallTime", "CallTime", "Duration"], False),
        (["CallTime", "Duration", "ANSWERED"], False),
    ],
)
def test_a_header_names_the_call_id_or_three_columns(cells: list[str], expected: bool) -> None:
    assert is_header(cells) is expected


def after(mark: str, text: str) -> Callable[[str], str]:
    """An edit that adds a text behind the first line that holds the mark."""

    def edit(content: str) -> str:
        before, line, rest = re.split(rf"(.*{re.escape(mark)}.*\n)", content, maxsplit=1)
        return before + line + text + rest

    return edit


def both(*edits: Callable[[str], str]) -> Callable[[str], str]:
    def edit(content: str) -> str:
        for one in edits:
            content = one(content)
        return content

    return edit


FIFTH = [*KINDS["sip_terminated"][:8], "ConferenceId", "Custom", "ApplicationKey"]
MODEL = """
  - name: stg_sinch__conference
    description: One row per record of the current files of conference calls (file_id, source_line), typed.
    data_tests:
      - unique_combination:
          arguments:
            columns: [file_id, source_line]
    columns:
      - *file_id
      - *source_line
      - *key_hash
      - *call_id
      - *user_space_id
      - *application_key
      - name: conference_id
        description: "ConferenceId: the conference that the call joined."
        data_type: string
      - *result
      - name: reason
        description: "Reason why the call ended, free text."
        data_type: string
      - *from
      - *to
      - *custom
      - *extra
      - *invalid_fields
      - *duration
      - *call_date
      - *file_date
      - *call_time
      - *loaded_at
"""
SOURCE = """\
      - name: conference
        description: One row per delivered record. Calls that joined a conference.
        config:
          loaded_at_query: >
            select coalesce(max(loaded_at), timestamp '1970-01-01 00:00:00')
            from {{ source('raw_sinch', 'files') }}
            where kind = 'conference' and state = 'current'
        columns:
          - *CallId
          - *UserSpaceId
          - *CallTime
          - *Result
          - *Reason
          - *Duration
          - *From
          - *To
          - name: ConferenceId
            description: "The conference that the call joined."
            data_type: string
          - *Custom
          - *ApplicationKey
          - *file_id
          - *line
          - *extra
"""


EDITS: dict[str, Callable[[str], str]] = {
    "loader/feeds.py": after(
        '"sip_terminated": (',
        '    "conference": (*_EVERY_KIND, "From", "To", "ConferenceId", "Custom", "ApplicationKey"),\n',
    ),
    "loader/cli/schemas/common.json": lambda text: text.replace(
        '"sip_terminated"\n', '"sip_terminated",\n        "conference"\n'
    ),
    "macros/kinds.sql": both(
        after(
            "'sip_terminated': every_kind",
            "        'conference': every_kind"
            " + ['From', 'To', 'ConferenceId', 'Custom', 'ApplicationKey'],\n",
        ),
        after("'ApplicationKey': 'code'", "        'ConferenceId': 'text',\n"),
    ),
    "models/staging/sinch/stg_sinch__conference.sql": lambda _: (
        "{{ incremental_by_file('conference') }}\n\n{{ typed_records('conference') }}\n"
    ),
    "models/staging/sinch/_sinch__models.yml": lambda text: text + MODEL,
    "models/staging/sinch/_sinch__sources.yml": lambda text: text.replace(
        "      - name: files\n", SOURCE + "      - name: files\n"
    ),
    "models/intermediate/calls/_int_calls__unit_tests.yml": lambda text: text.replace(
        "    given:\n      - input: ref('stg_sinch__phone_terminated')\n",
        "    given:\n      - input: ref('stg_sinch__conference')\n        rows: []\n"
        "      - input: ref('stg_sinch__phone_terminated')\n",
        1,
    ),
    "models/staging/sinch/_sinch__unit_tests.yml": lambda text: text.replace(
        "    model: stg_sinch__records\n    given:\n",
        "    model: stg_sinch__records\n    given:\n"
        "      - input: source('raw_sinch', 'conference')\n        rows: []\n",
    ),
}


def test_a_fifth_kind_touches_eight_files(tmp_path: Path) -> None:
    """It is staged by its header, typed, and in fact_calls; `make generated` does loader/COMMANDS.md."""
    assert len(EDITS) == 8
    folder = tmp_path / "project"
    for name in ("loader", "models", "macros", "seeds", "tests", "profiles"):
        shutil.copytree(
            REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "databases")
        )
    for name in ("dbt_project.yml", "selectors.yml"):
        shutil.copy(REPOSITORY / name, folder)
    for name, edit in EDITS.items():
        path = folder / name
        before = path.read_text() if path.exists() else ""
        path.write_text(edit(before))
        assert path.read_text() != before, name
    database = tmp_path / "x.duckdb"
    environment = {**os.environ, "PYTHONPATH": str(folder), "CDR_DATABASE": str(database)}

    def cdr(*arguments: str) -> None:
        command = [sys.executable, "-m", "loader", *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    record = "c-1;1;2026-11-22T10:00:00Z;ANSWERED;N/A;60;+46701234567;room;conf-9;;app"
    (tmp_path / "a_2026-11-22.csv").write_text(";".join(FIFTH) + "\n" + record + "\n")
    cdr("stage", str(tmp_path / "a_2026-11-22.csv"))
    cdr("build", "--select", "+fact_calls", "--exclude", "test_type:unit")
    cdr("build", "--select", "int_calls__unioned,test_type:unit", "stg_sinch__records,test_type:unit")
    with duckdb.connect(database, read_only=True) as connection:
        typed = connection.execute(
            "select call_id, conference_id, duration from staging.stg_sinch__conference"
        )
        assert typed.fetchall() == [("c-1", "conf-9", 60)]
        calls = connection.execute("select call_type, call_id, caller, callee from marts.fact_calls")
        assert calls.fetchall() == [("conference", "c-1", "+46701234567", "room")]
