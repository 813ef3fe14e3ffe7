"""The output of `--json` matches the package's JSON Schemas; the harness checks the output of every test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemas
from builders import delivery, record
from harness import Loader

from loader.cli.main import main


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """The parts of a schema that describe an object."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


@pytest.mark.parametrize("name", [*sorted(main.commands), "common"])
def test_every_command_has_a_strict_schema(name: str) -> None:
    schema = schemas.read(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    for part in objects(schema):
        # Objects by name (tables, versions) describe each value.
        assert part["additionalProperties"] is False or "type" in part["additionalProperties"], part
    if name != "common":
        with pytest.raises(AssertionError):
            schemas.check(name, {"exit_code": 0, "nonsense": 1})


def test_documents_of_every_command(copy: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is not there every day: failed files, rejects of both stages, an error, a failed build."""
    inbox = tmp_path / "more"
    inbox.mkdir()
    bad = record(call_id="bad") + ";one more\n"
    (inbox / "sip_2026-11-23.csv").write_text(delivery("a", "b") + bad + record(CallTime="soon") + "\n")
    (inbox / "failed_2026-11-23.csv").write_text("CallId;Nonsense\n")
    (inbox / "letter.txt").write_text("hello")
    seen = {
        "stage": copy.json("stage", inbox, copy.inbox, code=1),
        "build": copy.json("build", "-s", "+stg_sinch__sip_terminated", "int_calls__unusable"),
        "files": copy.json("files"),
        "rejects": copy.json("rejects"),
        "withdraw": copy.json("withdraw", "1"),
        "purge": copy.json("purge", "--before", "2026-11-22"),
        "subject": copy.json("subject", "nobody"),
        "verify": copy.json("verify", code=1),
        "export": copy.json("export", tmp_path / "lake"),
        "publish": copy.json("publish", tmp_path / "calls.duckdb"),
        "report": copy.json("report", tmp_path / "calls.html"),
        "compact": copy.json("compact"),
        "status": copy.json("status"),
        "synth": copy.json("synth", tmp_path / "made", "--days", 1, "--calls-per-day", 1),
        "init": copy.json("init", tmp_path / "ours"),
    }
    assert {file["state"] for file in seen["stage"]["files"]} == {"current", "failed", "skipped", "ignored"}
    assert {reject["stage"] for reject in seen["rejects"]["rejects"]} == {"load", "typing"}
    assert seen["build"]["nodes"]
    copy.json("rejects", "--file", "sip_2026-11-23.csv", "--out", tmp_path / "raw.csv")
    copy.json("withdraw", "99", code=2)

    # A build that cannot run: the files are staged all the same, and both are reported.
    def broken(*_: Any, **__: Any) -> None:
        from loader.errors import CdrError

        raise CdrError("dbt could not run; correct it")

    monkeypatch.setattr("loader.builds.build.build", broken)
    seen["run"] = copy.json("run", copy.inbox, code=1)
    assert seen["run"]["error"] == "dbt could not run; correct it"
    assert set(seen) == set(main.commands)
