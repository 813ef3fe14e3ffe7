"""Each sentence of SECURITY.md about personal data holds: its tests are named here."""

import ast
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from harness import REPOSITORY, Loader
from warehouse import Warehouse

EXTENSION_SETTINGS = """
    select distinct value from duckdb_settings()
    where name in ('autoinstall_known_extensions', 'autoload_known_extensions')
"""
EVERY_VARIABLE = "test_the_project_builds_with_every_variable_at_another_value"
# The first words of each sentence, and the tests that prove it.
PROOFS = {
    "Call detail records are personal data": ["test_columns_with_personal_data_are_marked"],
    "Raw, staging and intermediate tables, rejected": [EVERY_VARIABLE, "test_export_follows_the_database"],
    "Marts follow [`pii_mode`]": [EVERY_VARIABLE],
    "Whatever `cdr` writes": ["test_everything_written_is_private", "test_a_kill_leaves_nothing_for_long"],
    "Plain `dbt` creates files": ["test_plain_dbt_is_as_private_as_its_umask_and_asks_no_network"],
    "Nothing is sent anywhere": [
        "test_plain_dbt_is_as_private_as_its_umask_and_asks_no_network",
        "test_a_file_of_another_engine_fetches_no_extension",
    ],
    "Commands that only read reach": [
        "test_who_reads_a_database_reaches_no_other_file",
        "test_a_view_in_place_of_a_table_is_refused",
    ],
    "A message about a refused header": [
        "test_other_line_ends_are_named_without_a_value",
        "test_what_cannot_be_a_name_is_reported_by_its_place_only",
    ],
    "No personal value of a record": [EVERY_VARIABLE],
    "`cdr purge --before DATE --build`": ["test_erased_in_one_go", "test_purge_erases_for_good"],
    "`cdr subject NUMBER_OR_USER_ID --out FILE`": ["test_a_person_is_redacted_for_good"],
    "Exports, publications, reports": ["test_erased_in_one_go"],
    "`cdr publish OUT` writes": [
        "test_publish_a_file_and_a_folder",
        "test_every_command_runs",
    ],
    "The database itself": [EVERY_VARIABLE],
    "Whoever may read the database": ["test_erased_in_one_go"],
    "Whoever has the key": [EVERY_VARIABLE, "test_a_key_that_can_be_guessed_is_refused"],
    "A masked number is": [EVERY_VARIABLE],
}


def sentences() -> list[str]:
    """The sentences of the section, without the words in bold that begin its points."""
    text = (REPOSITORY / "SECURITY.md").read_text().split("## Personal data\n")[1].split("\n## ")[0]
    text = re.sub(r"^- \*\*.*?\*\*", "\n", text, flags=re.MULTILINE)
    return [
        " ".join(sentence.split())
        for point in text.split("\n\n")
        for sentence in re.split(r"(?<=\.)\s+(?=[A-Z`])", point.strip())
        if sentence
    ]


def test_every_sentence_on_privacy_has_a_test() -> None:
    page = sentences()
    assert [sentence for sentence in page if not sentence.startswith(tuple(PROOFS))] == []
    assert [words for words in PROOFS if not any(sentence.startswith(words) for sentence in page)] == []
    tests = sources_of_tests()
    assert {name for names in PROOFS.values() for name in names} - set(tests) == set()
    # One mode is among the other values of all variables; the other has a build of its own.
    others = (REPOSITORY / "tests" / "models" / "test_variables.py").read_text().split("OTHER")[1]
    assert '"pii_mode": "masked"' in others.split("\n}\n")[0]
    assert "'pii_mode': 'hashed'" in tests[EVERY_VARIABLE]
    assert tests[EVERY_VARIABLE].count("nobody_is_shown(") == 2


def sources_of_tests() -> dict[str, str]:
    """The source of each test of `make test` that nothing skips, by its name."""
    return {
        node.name: ast.unparse(node)
        for path in (REPOSITORY / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
        and not re.search(r"mark\.(skip|soak|spark|xfail)|pytest\.skip", ast.unparse(node))
    }


def test_plain_dbt_is_as_private_as_its_umask_and_asks_no_network(
    copy: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _self, address: asked.append(address))
    project = Warehouse(Loader(tmp_path / "new.duckdb", tmp_path), tmp_path / "target")
    before = os.umask(0o077)
    try:
        project.dbt("run", "--select", "stg_sinch__files")
        shown = project.dbt("show", "--inline", EXTENSION_SETTINGS).results[0].agate_table
    finally:
        os.umask(before)
    made = [project.loader.database, project.target_path, *project.target_path.rglob("*")]
    assert len(made) > 5
    assert {path.stat().st_mode & 0o077 for path in made} == {0}
    assert [tuple(row) for row in shown.rows] == [("false",)]
    copy("publish", tmp_path / "calls.duckdb", "-q")
    copy("report", tmp_path / "calls.html", "-q")
    assert asked == []


def test_what_was_to_be_hidden_and_is_not_is_not_handed_out(
    copy: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    monkeypatch.setenv("CDR_DATABASE", os.devnull)
    copy.execute('alter table raw_sinch.sip_terminated drop column "Custom"')
    # Everything behind it is skipped: models, exposures and saved queries. An increment has nothing to read.
    only_models = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    select = ("build", "--full-refresh", "--select", "stg_sinch__sip_terminated+", *only_models)
    result = copy(*select, "--vars={pii_mode: masked}", code=1)
    message = result.stderr.splitlines()[-1]
    assert re.match(r"cdr: pii_mode is masked, and marts\.\w+, .* and \d+ more could not be built", message)
    for command in (("publish", tmp_path / "calls.duckdb"), ("report", tmp_path / "calls.html")):
        refused = copy.error(*command)
        assert refused.startswith(message)
        assert not command[1].exists()
        copy(*command, "--allow-shown", "-q")
        assert command[1].exists()


def test_marts_in_clear_are_not_handed_out_where_the_project_masks(
    copy: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    text = (REPOSITORY / "dbt_project.yml").read_text()
    (project / "dbt_project.yml").write_text(text.replace("pii_mode: clear", "pii_mode: hashed"))
    monkeypatch.setenv("CDR_PROJECT_DIR", str(project))
    refused = copy.error("publish", tmp_path / "calls.duckdb")
    assert "pii_mode is hashed in dbt_project.yml, and the marts were built otherwise" in refused
