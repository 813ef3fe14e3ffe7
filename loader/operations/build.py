"""Runs dbt on this project, in this process."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loader.database.connection import opened
from loader.errors import CdrError
from loader.paths import project_root


@dataclass
class Build:
    """What dbt did: one entry per node, and the exit code (0 built, tests passed or only warned; 1 something
    failed).
    """

    nodes: list[dict[str, Any]]
    exit_code: int


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
    with _private_spill(database):
        return _kept_off_stdout(lambda: _invoke(command)) if stdout_to_stderr else _invoke(command)


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


def _invoke(command: list[str]) -> Build:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    try:
        outcome = dbtRunner().invoke(command)
    finally:
        # dbt keeps the database's lock after it is done.
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if outcome.exception is not None:
        reason = " ".join(str(outcome.exception).split())
        raise CdrError(f"dbt could not run: {reason}; put it right and run `cdr build` again")
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
    return Build(nodes, 0 if outcome.success else 1)
