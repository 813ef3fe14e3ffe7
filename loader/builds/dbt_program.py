"""Runs dbt 2, which is a program: progress is read from its log, results from its artifacts."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.builds.dbt_internals import Node, Outcome, Progress, label
from loader.database.connection import opened
from loader.errors import CdrError, printable

if TYPE_CHECKING:
    import duckdb

_MOST_FINDINGS = 10


def find() -> str | None:
    """Return the path of dbt 2: what CDR_DBT names, or `dbt` on the PATH where this Python has no dbt 1. None
    where dbt runs in this process.

    Raises CdrError where that is not dbt 2.
    """
    named = os.environ.get("CDR_DBT")
    if not named and find_spec("dbt") is not None:
        return None
    program = shutil.which(named or "dbt")
    if program is None:
        remedy = "correct CDR_DBT, or unset it and install dbt-core and dbt-duckdb"
        raise CdrError(f"{named or 'dbt'} is not a program; {remedy}")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    if not re.match(r"dbt\S* +[2-9]", done.stdout):
        raise CdrError(f"{program} is not dbt 2; `cdr` runs dbt 1 in its own process: unset CDR_DBT")
    return program


def run(
    program: str,
    command: list[str],
    target: Path,
    spill: Path | None = None,
    *,
    quiet: bool,
    progress: Progress | None = None,
) -> Outcome:
    """Run a dbt command, and print its log where there is no `progress`; `quiet`: errors alone. `target` is
    the folder of dbt's artifacts, `spill` that of what does not fit into memory. The outcome has no findings.

    Raises KeyboardInterrupt where the user interrupted dbt.
    """
    invocation, done, errors = "", 0, list[str]()
    environment = os.environ | ({"CDR_TEMP_DIRECTORY": str(spill)} if spill else {})
    process = subprocess.Popen(
        [program, *command, "--log-format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    try:
        for event in _events(process):
            info, node = event["info"], event.get("data", {}).get("node_info", {})
            invocation = info.get("invocation_id") or invocation
            level, message = info["level"], printable(info["msg"], kept="\n\t")
            if level == "error":
                errors.append(message)
            if progress:
                done += info["name"] == "NodeFinished"
                if info["name"] in ("NodeStart", "NodeFinished"):
                    # dbt 2 does not write how many there are.
                    progress(done, 0, node["node_name"])
            elif level == "error" or (level != "debug" and not quiet):
                sys.stdout.write(f"{message}\n")
        code = process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    if code in (-signal.SIGINT, 128 + signal.SIGINT):
        raise KeyboardInterrupt
    results = _read(target / "run_results.json")
    if results.get("metadata", {}).get("invocation_id") != invocation:
        # Of an earlier command: this one did not get so far.
        results = {}
    known = _known(target)
    built = [
        (result, node)
        for result in results.get("results", [])
        if (node := known.get(result["unique_id"]))
        # Nothing is built for them.
        and node["config"].get("materialized") != "ephemeral"
    ]
    refusal = None
    if code and not any(
        node["resource_type"] != "operation" and result.get("message") != "Compilation Error"
        for result, node in built
    ):
        # Without a driver, or after a hook that refuses to go on, every node has this message.
        first = (errors or [f"it ended with exit code {code}"])[0].splitlines()[0]
        refusal = re.sub(r"^\[error\] (\[[^]]*\]: )?", "", first)
    return Outcome(
        success=code == 0,
        nodes=[_node(result, node) for result, node in built],
        relations=frozenset(
            (node["schema"], node["alias"])
            for _, node in built
            if node["resource_type"] in ("model", "seed", "snapshot")
        ),
        findings=[],
        refusal=refusal,
    )


def _events(process: subprocess.Popen[str]) -> Iterator[Any]:
    """Each event of dbt's log; a line that is none, such as one about a wrong option, as an error."""
    assert process.stdout is not None
    for line in process.stdout:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict) and "info" in event:
            yield event
        elif line.strip():
            yield {"info": {"name": "", "level": "error", "msg": line.rstrip()}}


def _read(artifact: Path) -> Any:
    return json.loads(artifact.read_text()) if artifact.exists() else {}


def _known(target: Path) -> dict[str, Any]:
    manifest = _read(target / "manifest.json")
    return {**manifest.get("nodes", {}), **manifest.get("unit_tests", {})}


def _node(result: Any, node: Any) -> Node:
    message, failures = result.get("message"), result.get("failures")
    if failures:
        # dbt 2 writes `Warn` or `Error`.
        message = f"{failures} {'row' if failures == 1 else 'rows'} found"
    return {
        "node": result["unique_id"],
        "label": label(
            node["name"],
            (node.get("test_metadata") or {}).get("name"),
            node.get("attached_node"),
            node.get("column_name"),
        ),
        "has_words": "findings" in node["config"].get("meta", {}),
        "status": result["status"],
        "message": message,
        "failures": failures,
        "seconds": round(result["execution_time"], 3),
    }


def findings(target: Path, nodes: list[Node], database: Path, wait: float = 0) -> list[str]:
    """Return what tests found, in words, as macros/findings.sql does: dbt 2.0.0a4 gives that macro no query.

    Raises CdrError where the database cannot be read.
    """
    worded = [node for node in nodes if node["has_words"] and node["status"] in ("warn", "fail")]
    if not worded:
        return []
    known = _known(target)
    with opened(database, "read", wait) as connection:
        return [words for node in worded for words in _found(connection, node, known[node["node"]])]


def _found(connection: "duckdb.DuckDBPyConnection", node: Node, test: Any) -> Iterator[str]:
    query = f"select * from ({test['compiled_code']}) as findings limit {_MOST_FINDINGS}"
    found = connection.execute(query)
    names = [column[0] for column in found.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    more = (node["failures"] or 0) - _MOST_FINDINGS
    if test["config"]["meta"]["findings"] == "messages":
        yield from (printable(str(row["message"])) for row in rows)
        if more > 0:
            yield f"and {more} more of {test['name']}"
        return
    place = f"{(test['attached_node'] or test['name']).split('.')[-1]}, {test['column_name']}"
    values = ", ".join(_counted(row["value_field"], row["n_records"]) for row in rows)
    yield (
        f"{place}: {values}{' and more' if more > 0 else ''}: not in the vendor's list; "
        "add a row to seeds/outcome_map.csv and run `cdr build`, or ask for the file again"
    )


def _counted(value: object, records: int) -> str:
    """A value with its records; of one that is not shaped like a code the shape alone."""
    text = str(value)
    if not re.fullmatch("[A-Z][A-Z0-9_/]{0,29}", text):
        text = re.sub(r"[^\W\d_]", "a", re.sub("[0-9]", "9", printable(text[:40])))
    return f"{text} ({records} {'record' if records == 1 else 'records'})"
