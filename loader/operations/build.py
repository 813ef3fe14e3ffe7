"""Runs dbt on this project, in this process."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loader.database.connection import opened
from loader.errors import CdrError
from loader.paths import project_root


@dataclass
class Build:
    """What dbt did: one entry per node, what its tests have found in words, and the exit code (0 built, tests
    passed or only warned; 1 something failed). `still_shown` says, as the last thing, which tables may show
    more than the variable pii_mode allows.
    """

    nodes: list[dict[str, Any]]
    exit_code: int
    findings: list[str] = field(default_factory=list)
    still_shown: str | None = None


def build(database: Path, arguments: tuple[str, ...], *, quiet: bool, stdout_to_stderr: bool) -> Build:
    """`dbt build` with this project and its profiles on the database, which has the raw tables afterwards in
    any case.

    Raises CdrError when dbt cannot run at all: wrong arguments, a broken project, a locked database.
    """
    root = project_root()
    with opened(database, "create"):
        pass
    os.environ["CDR_DATABASE"] = str(database)
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    command = ["--quiet"] if quiet else []
    command += ["build", "--project-dir", str(root), "--profiles-dir", str(root / "profiles"), *arguments]
    mode = _pii_mode(root, arguments)
    with _private_spill(database):
        return (
            _kept_off_stdout(lambda: _invoke(command, mode)) if stdout_to_stderr else _invoke(command, mode)
        )


def _pii_mode(root: Path, arguments: tuple[str, ...]) -> str:
    """The variable pii_mode as dbt will see it."""
    from dbt.clients.yaml_helper import load_yaml_text
    from dbt_common.exceptions import DbtBaseException

    given: dict[str, Any] = {}
    for position, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--vars":
            value = value or "".join(arguments[position + 1 : position + 2])
            # What is no YAML dbt will refuse.
            with suppress(DbtBaseException):
                parsed = load_yaml_text(value)
                given = parsed if isinstance(parsed, dict) else {}
    project = load_yaml_text((root / "dbt_project.yml").read_text(encoding="utf-8")) or {}
    return str({**project.get("vars", {}), **given}.get("pii_mode", "clear"))


@contextmanager
def _private_spill(database: Path) -> Iterator[None]:
    """A folder that nobody else can read for what DuckDB has to put on disk, where the profile puts it."""
    folder = database.with_name(f"{database.name}.tmp")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise CdrError(
            f"cannot write in {folder.parent}: {error.strerror}; make the folder writable"
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()


def _kept_off_stdout(run: Callable[[], Build]) -> Build:
    with redirect_stdout(sys.stderr):
        return run()


def _invoke(command: list[str], pii_mode: str) -> Build:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    findings: list[str] = []

    def listen(event: Any) -> None:
        # What macros/findings.sql says.
        if event.info.name == "JinjaLogWarning":
            findings.append(event.info.msg)

    try:
        outcome = dbtRunner(callbacks=[listen]).invoke(command)
    finally:
        # dbt keeps the database's lock after it is done.
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if outcome.exception is not None:
        reason = _without_macros(str(outcome.exception))
        unmasked = "" if pii_mode == "clear" else f"; nothing was {pii_mode}, the tables are as they were"
        raise CdrError(f"dbt could not run: {reason}; put it right and run `cdr build` again{unmasked}")
    results = getattr(outcome.result, "results", [])
    nodes = [
        {
            "node": result.node.unique_id,
            "status": str(result.status),
            "message": result.message,
            "failures": result.failures,
            "seconds": round(result.execution_time, 3),
        }
        for result in results
    ]
    return Build(nodes, 0 if outcome.success else 1, findings, _still_shown(results, pii_mode))


def _without_macros(message: str) -> str:
    """A message of dbt as one line, without the list of macros that led to it."""
    return " ".join(re.sub(r"^\s*> (in|called by) .*$", "", message, flags=re.MULTILINE).split())


def _still_shown(results: list[Any], pii_mode: str) -> str | None:
    """A sentence that names the marts that were to be built with less personal data and were not."""
    if pii_mode == "clear":
        return None
    names = [
        f"{result.node.schema}.{result.node.alias}"
        for result in results
        if str(result.status) in ("error", "skipped")
        and result.node.schema == "marts"
        and any(
            (column.config.meta or column.meta).get("contains_pii")
            for column in getattr(result.node, "columns", {}).values()
        )
    ]
    if not names:
        return None
    return (
        f"pii_mode is {pii_mode}, and {', '.join(names)} could not be built: what they hold is as it was"
        " before, in clear if it was; mend what failed and run `cdr build` again"
    )
