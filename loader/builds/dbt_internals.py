"""Every place that leans on dbt's inside: what dbt does not document and may change in any release.

Checked with dbt-core 1.11.16 and 1.12.6 and dbt-duckdb 1.11.1 by tests/loader/test_dbt_internals.py;
pyproject.toml admits no other minor version. All other code uses what dbt documents: the command line,
`dbtRunner`, and the fields of its artifacts. Overridden macros are in macros/dbt_overrides, what the tests
need in tests/tools/dbt_internals.py.
"""

import os
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypedDict

from loader.errors import CdrError, printable

if TYPE_CHECKING:
    import duckdb

Progress = Callable[[int, int, str], None]
Connect = Callable[[], "duckdb.DuckDBPyConnection"]


class Node(TypedDict):
    """What dbt did with a model, seed or test. `has_words`: the findings describe what the test found."""

    node: str
    label: str
    has_words: bool
    status: str
    message: str | None
    failures: int | None
    seconds: float


@dataclass
class Outcome:
    """What a dbt command did. `findings`: what its tests found, in words."""

    success: bool
    nodes: list[Node]
    # Schema and name of the models and seeds, whatever became of them.
    relations: frozenset[tuple[str, str]]
    findings: list[str]
    # Why dbt could not run at all, in one line.
    refusal: str | None


def run(command: list[str], progress: Progress | None = None, results_file: Path | None = None) -> Outcome:
    """Run a dbt command in this process, and write run_results.json where a file is given.

    Raises KeyboardInterrupt where the user interrupted dbt, and what dbt does not catch.
    """
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.main import dbtRunner

    findings: list[str] = []

    def listen(event: Any) -> None:
        # `exceptions.warn` in macros/findings.sql fires this event.
        if event.info.name == "JinjaLogWarning":
            findings.append(event.info.msg)

    shown: Any = _Shown(sys.stdout)
    try:
        with redirect_stdout(shown):
            done = dbtRunner(callbacks=[listen, *([_reporting(progress)] if progress else [])]).invoke(
                command
            )
    finally:
        close_connections()
    refusal = None
    if done.exception is not None:
        if _is_interrupt(done.exception):
            raise KeyboardInterrupt from done.exception
        refusal = _without_macros(str(done.exception))
    # --no-write-json suppresses manifest.json, which takes a second, and run_results.json with it.
    if results_file is not None and isinstance(done.result, RunExecutionResult):
        done.result.write(str(results_file))
    results = getattr(done.result, "results", [])
    return Outcome(
        done.success,
        # dbt lists exposures and saved queries as results, though it builds nothing for them.
        [_node(each) for each in results if each.node.resource_type not in ("exposure", "saved_query")],
        frozenset(
            (each.node.schema, each.node.alias)
            for each in results
            if each.node.resource_type in ("model", "seed", "snapshot")
        ),
        findings,
        refusal,
    )


def check_python(python: tuple[int, int] = sys.version_info[:2], dbt: str | None = None) -> None:
    """Raise CdrError where this version of dbt-core does not start on this version of Python."""
    dbt = dbt or version("dbt-core")
    if python >= (3, 14) and tuple(map(int, dbt.split(".")[:2])) < (1, 12):
        raise CdrError(
            f"dbt-core {dbt} does not start on Python {python[0]}.{python[1]}; use Python 3.11 to 3.13, or "
            "install dbt-core 1.12 (requirements-dbt-next.txt)"
        )


def close_connections() -> None:
    """Release the database's lock: dbt-duckdb keeps a connection in a class variable after a command."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def connecting_as_dbt(root: Path, target: str | None, database: Path) -> Connect | None:
    """Return what opens the database exactly as dbt will: DuckDB lets one process open a file twice only with
    the same settings. dbt-duckdb opens it by itself, or attached to a database in memory. None where the
    profile opens another database, or dbt itself will report what is wrong with the profile.
    """
    credentials = _credentials(root, target)
    if credentials is None or credentials.type != "duckdb":
        return None
    attached = [each for each in credentials.attach or [] if Path(each.path).resolve() == database.resolve()]
    if not attached and Path(credentials.path).resolve() != database.resolve():
        return None

    def connect() -> "duckdb.DuckDBPyConnection":
        import duckdb

        connection = duckdb.connect(credentials.path, config=dict(credentials.config_options or {}))
        try:
            for each in attached:
                connection.execute(each.to_sql())
        except BaseException:
            connection.close()
            raise
        return connection

    return connect


def _credentials(root: Path, target: str | None) -> Any:
    """The profile as dbt reads it, with its environment variables: dbt has no command that prints it."""
    from argparse import Namespace

    from dbt.config.runtime import load_profile
    from dbt.flags import set_from_args
    from dbt_common.context import set_invocation_context
    from dbt_common.exceptions import DbtBaseException

    set_invocation_context(os.environ)
    set_from_args(Namespace(PROFILES_DIR=str(root / "profiles"), PROJECT_DIR=str(root)), None)
    try:
        return load_profile(str(root), {}, None, target).credentials
    except DbtBaseException:
        return None


class _Shown:
    """A stream for what dbt prints. The colours of dbt_common.ui stay; other control characters, for example
    of file names, are spelled out; tracebacks of interrupted threads are left to logs/dbt.log.
    """

    # Back to normal, red, green and yellow.
    _colour = re.compile(r"(\x1b\[(?:0|31|32|33)m)")

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if "Traceback (most recent call last):" not in text:
            parts = self._colour.split(text)
            # Colours are every second part.
            parts[::2] = [printable(part, kept="\n\t") for part in parts[::2]]
            self._stream.write("".join(parts))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _reporting(progress: Progress) -> Callable[[Any], None]:
    """A listener to dbt's events that reports how many nodes of how many are done, and which is next."""
    done, total = 0, 0

    def listen(event: Any) -> None:
        nonlocal done, total
        if event.info.name == "LogStartLine":
            total = event.data.total
        # dbt's total does not count ephemeral models: nothing is built for them.
        if event.info.name == "NodeFinished" and event.data.node_info.materialized != "ephemeral":
            done += 1
        if event.info.name in ("NodeStart", "LogStartLine", "NodeFinished"):
            progress(done, total, event.data.node_info.node_name)

    return listen


def _node(result: Any) -> Node:
    return {
        "node": result.node.unique_id,
        "label": _label(result.node),
        "has_words": "findings" in result.node.config.meta,
        "status": str(result.status),
        "message": result.message,
        "failures": result.failures,
        "seconds": round(result.execution_time, 3),
    }


def _label(node: Any) -> str:
    test = getattr(node, "test_metadata", None)
    attached = getattr(node, "attached_node", None)
    return label(node.name, test and test.name, attached, getattr(node, "column_name", None))


def label(name: str, rule: str | None, attached: str | None, column: str | None) -> str:
    """A generic test by its rule, model and column: its name in dbt ends in a hash. All else by name."""
    if not rule or not attached:
        return name
    return f"{rule} of {attached.split('.')[-1]}" + (f".{column}" if column else "")


def _is_interrupt(error: BaseException) -> bool:
    """Whether dbt wrapped a KeyboardInterrupt: it does so when compiling or in a hook."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _without_macros(message: str) -> str:
    """A message as one line, without the list of macros that dbt appends."""
    return " ".join(re.sub(r"^\s*> (in|called by) .*$", "", message, flags=re.MULTILINE).split())
