"""Runs dbt on this project, in this process."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from loader.builds import team_seeds
from loader.builds.behind import behind
from loader.builds.hiding import declared_variables, still_shown
from loader.database.connection import opened, retried
from loader.database.disk import BYTES_A_CALL, is_full, no_room, says_full
from loader.database.space import put_off_vacuum, vacuum_if_due
from loader.database.sql import literal
from loader.database.workspace import working
from loader.errors import CdrError, printable
from loader.paths import PROJECT_NAME, dbt_folder, is_packaged, package_project, project_root

if TYPE_CHECKING:
    import duckdb

Progress = Callable[[int, int, str], None]
# dbt's own: red, green, yellow and back.
_COLOUR = re.compile(r"(\x1b\[(?:0|31|32|33)m)")


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
    # Schema and name of the models and seeds, whatever became of them.
    relations: frozenset[tuple[str, str]] = frozenset()

    def with_status(self, *statuses: str) -> list[dict[str, Any]]:
        """The nodes that ended so."""
        return [node for node in self.nodes if node["status"] in statuses]


def build(
    database: Path,
    arguments: tuple[str, ...],
    *,
    quiet: bool,
    stdout_to_stderr: bool,
    wait: float = 0,
    command: str = "build",
    progress: Progress | None = None,
    keeps_manifest: bool = False,
) -> Build:
    """`dbt build` (or another dbt command) with this project and its profiles on the database, which has the
    raw tables afterwards in any case. `progress`, when given, hears of every node and dbt itself keeps quiet.
    `keeps_manifest`: the project is as it was in the last build, so that dbt's manifest.json, where there is
    one, is not written again, which takes a second.

    Raises CdrError when dbt cannot run at all: wrong arguments, a broken project, a database that is locked
    for longer than `wait` seconds.
    """
    root = project_root()
    with opened(database, "create", wait) as connection:
        if connection.execute("select 1 from raw_sinch.files limit 1").fetchone():
            _refuse_empty(arguments, database)
    os.environ["CDR_DATABASE"] = str(database)
    os.environ["CDR_PACKAGE_DIR"] = str(package_project())
    team_seeds.name_absolutely()
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    line = ["--quiet"] if quiet or progress else []
    if progress:
        # What failed is told from the results; dbt's own lines, though never shown, cost half a second, and
        # every query in its log a twentieth of a daily build. Without its own level the log has the first.
        line += ["--log-level", "none", "--log-level-file", os.environ.get("DBT_LOG_LEVEL_FILE", "info")]
    line += [command, *_folders(root, database), *arguments]
    results = None
    if keeps_manifest and (_target_folder(root, database) / "manifest.json").exists():
        line.append("--no-write-json")
        results = _target_folder(root, database) / "run_results.json"
    if "NO_COLOR" in os.environ or not sys.stdout.isatty():
        line.insert(0, "--no-use-colors")
    _link_packages(root)
    with (
        _spilling(database) as spill,
        _held(root, database, arguments, wait, spill),
        redirect_stdout(sys.stderr) if stdout_to_stderr else nullcontext(),
    ):
        built = _invoke(line, _pii_mode(root, arguments), progress, results, database)
    built.still_shown = still_shown(database, wait)
    return built


def _refuse_empty(arguments: tuple[str, ...], database: Path) -> None:
    """Raises CdrError where dbt would build without rows, and so empty tables that hold some."""
    given = [argument for argument in arguments if argument in ("--empty", "--no-empty")]
    is_set = os.environ.get("DBT_EMPTY", "").lower() in ("1", "true", "t", "yes", "y", "on")
    if given[-1:] == ["--empty"] or (is_set and not given):
        cause = "--empty" if given else "DBT_EMPTY, which the environment sets,"
        raise CdrError(
            f"{cause} would empty tables, and {database} holds deliveries; build without it, or name a "
            "database of its own with --database"
        )


def _named_by(reason: str) -> str:
    """Which variable of the environment, perhaps another project's, named what dbt does not find."""
    for variable in ("DBT_TARGET", "DBT_PROFILE"):
        value = os.environ.get(variable)
        if value and re.search(rf"['\"]{re.escape(value)}['\"]", reason):
            return f" ({variable} is set to {value} in the environment, for another project? unset it)"
    return ""


def _pii_mode(root: Path, arguments: tuple[str, ...]) -> str:
    """The variable pii_mode as dbt will see it."""
    return str({**declared_variables(root), **_given(arguments)}.get("pii_mode", "clear"))


def unknown_variables(root: Path, arguments: tuple[str, ...]) -> list[str]:
    """What to say of variables that are given and that no model reads: a misspelled one changes nothing."""
    package = package_project()
    declared = declared_variables(root) | declared_variables(package)
    said = []
    for name in map(str, _given(arguments)):
        near = get_close_matches(name, declared, n=1, cutoff=0.5)
        # A team's own models may read variables that have their default in the model.
        if name in declared or (root != package and not near):
            continue
        meant = f"did you mean {near[0]}?" if near else "dbt_project.yml has the list"
        said.append(f"--vars: there is no variable {name}, it changes nothing; {meant}")
    return said


def _given(arguments: tuple[str, ...]) -> dict[str, Any]:
    """The variables of dbt's option --vars."""
    from dbt.clients.yaml_helper import load_yaml_text
    from dbt_common.exceptions import DbtBaseException

    text = ""
    for at, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--vars":
            text = value if equals else "".join(arguments[at + 1 : at + 2])
    # What is no YAML dbt will refuse.
    with suppress(DbtBaseException):
        parsed = load_yaml_text(text)
        return parsed if isinstance(parsed, dict) else {}
    return {}


def _folders(root: Path, database: Path) -> list[str]:
    """dbt's options for its folders; nothing is written into an installed package."""
    folders = ["--project-dir", str(root), "--profiles-dir", str(root / "profiles")]
    if is_packaged(root):
        target, logs = _target_folder(root, database), dbt_folder(database) / "logs"
        folders += ["--target-path", str(target), "--log-path", str(logs)]
    return folders


def _target_folder(root: Path, database: Path) -> Path:
    """Where dbt writes what it made of the project, and how nodes ended."""
    if is_packaged(root):
        return dbt_folder(database) / "target"
    return root / (os.environ.get("DBT_TARGET_PATH") or "target")


def log_file(database: Path) -> Path:
    """Where dbt's own log is, as a person in the current folder names it."""
    root = project_root()
    folder = (dbt_folder(database) if is_packaged(root) else root) / "logs"
    path = Path(os.environ.get("DBT_LOG_PATH") or folder) / "dbt.log"
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextmanager
def full_disk_told(database: Path) -> Iterator[None]:
    """Raises CdrError that names folder and room where a disk was full, whatever the error was."""
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        raise CdrError(_no_room(database, error)) from error


def _no_room(database: Path, error: object) -> str:
    """One line about a full disk: of the file that the error names, else of what has the least room."""
    root = project_root()
    folders = [database.parent, _target_folder(root, database), log_file(database).parent]
    folders += [Path(folder) for folder in (os.environ.get("CDR_TEMP_DIRECTORY"),) if folder]
    named = [Path(path).parent for path in re.findall(r"['\"](/[^'\"]+)['\"]", str(error))]
    needed = database.stat().st_size if database.exists() else 0
    with suppress(Exception), opened(database, "read") as connection:
        files = list(behind(connection).files)
        query = "select sum(staged) from raw_sinch.files where file_id in (select unnest(?))"
        (records,) = connection.execute(query, [files]).fetchone() or (0,)
        needed = BYTES_A_CALL * int(records or 0)
    room = no_room([folder for folder in named if folder.is_dir()] or folders, needed)
    return f"{room} to build; make room there and run `cdr build` again"


@contextmanager
def _spilling(database: Path) -> Iterator[Path]:
    """A private folder for what does not fit into memory: in CDR_TEMP_DIRECTORY, else beside the database."""
    with ExitStack() as stack:
        workspace = stack.enter_context(working(database))
        spill = workspace.spill
        if elsewhere := os.environ.get("CDR_TEMP_DIRECTORY"):
            folder = Path(elsewhere).absolute()
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                spill = stack.enter_context(workspace.beside(folder / database.name))
            except OSError as error:
                raise CdrError(
                    f"cannot write in {folder}: {error.strerror}; correct or unset CDR_TEMP_DIRECTORY"
                ) from error
        yield spill


@contextmanager
def _held(root: Path, database: Path, arguments: tuple[str, ...], wait: float, spill: Path) -> Iterator[None]:
    """Keeps the database open while dbt runs, so that no other process gets its lock between dbt's own
    connections. DuckDB lets one process open it twice when both say the same settings: the profile's.
    """
    credentials = _credentials(root, arguments)
    connect = None if credentials is None else _as_dbt_does(credentials, database)
    if connect is None:
        yield
        return
    import duckdb

    connection = retried(database, wait, connect)
    try:
        put_off_vacuum(connection)
        # For dbt's own connections, too. A profile that said it would have the project parsed each time.
        connection.execute(f"set global temp_directory = {literal(str(spill))}")
        yield
        # After an error such as a full disk the file cannot be read in this process: dbt has told the error.
        with suppress(duckdb.FatalException, duckdb.IOException):
            vacuum_if_due(connection, database)
    finally:
        connection.close()


def _as_dbt_does(credentials: Any, database: Path) -> "Callable[[], duckdb.DuckDBPyConnection] | None":
    """How dbt will open the database: by itself, or attached to one in memory that has a name; None where the
    profile opens another one.
    """
    if credentials.type != "duckdb":
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


def _credentials(root: Path, arguments: tuple[str, ...]) -> Any:
    """The connection that dbt will use; none where dbt itself will say what is wrong with the profile."""
    from argparse import Namespace

    from dbt.config.runtime import load_profile
    from dbt.flags import set_from_args
    from dbt_common.context import set_invocation_context
    from dbt_common.exceptions import DbtBaseException

    target = _value(arguments, "--target") or _value(arguments, "-t")
    set_invocation_context(os.environ)
    set_from_args(Namespace(PROFILES_DIR=str(root / "profiles"), PROJECT_DIR=str(root)), None)
    try:
        return load_profile(str(root), {}, None, target).credentials
    except DbtBaseException:
        return None


def _value(arguments: tuple[str, ...], option: str) -> str | None:
    for at, argument in enumerate(arguments):
        if argument == option and at + 1 < len(arguments):
            return arguments[at + 1]
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
    return None


class _Shown:
    """A stream for what dbt prints: its colours stay, other control characters (of file names, say) are
    spelled out, and where in its code it was interrupted is left to logs/dbt.log.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if "Traceback (most recent call last):" not in text:
            parts = _COLOUR.split(text)
            # Colours are every second part.
            parts[::2] = [printable(part, kept="\n\t") for part in parts[::2]]
            self._stream.write("".join(parts))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _invoke(
    command: list[str],
    pii_mode: str,
    progress: Progress | None,
    results_file: Path | None,
    database: Path,
) -> Build:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.main import dbtRunner

    findings: list[str] = []

    def listen(event: Any) -> None:
        # What macros/findings.sql says.
        if event.info.name == "JinjaLogWarning":
            findings.append(event.info.msg)

    callbacks = [listen, *([_reporting(progress)] if progress else [])]
    shown: Any = _Shown(sys.stdout)
    try:
        with redirect_stdout(shown):
            outcome = dbtRunner(callbacks=callbacks).invoke(command)
    finally:
        # dbt keeps the database's lock after it is done.
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if outcome.exception is not None:
        if _is_interrupt(outcome.exception):
            raise KeyboardInterrupt from outcome.exception
        reason = _without_macros(str(outcome.exception))
        reason += _named_by(reason)
        unmasked = "" if pii_mode == "clear" else f"; nothing was {pii_mode}, the tables are as they were"
        raise CdrError(f"dbt could not run: {reason}; put it right and run `cdr build` again{unmasked}")
    if results_file is not None and isinstance(outcome.result, RunExecutionResult):
        outcome.result.write(str(results_file))
    results = getattr(outcome.result, "results", [])
    nodes = [
        {
            "node": result.node.unique_id,
            "label": _label(result.node),
            "has_words": _has_words(result.node),
            "status": str(result.status),
            "message": _no_room(database, result.message) if says_full(result.message) else result.message,
            "failures": result.failures,
            "seconds": round(result.execution_time, 3),
        }
        for result in results
        # Nothing is built of these.
        if result.node.resource_type not in ("exposure", "saved_query")
    ]
    relations = frozenset(
        (result.node.schema, result.node.alias)
        for result in results
        if result.node.resource_type in ("model", "seed", "snapshot")
    )
    return Build(nodes, 0 if outcome.success else 1, findings, relations=relations)


def _label(node: Any) -> str:
    """What a person calls a node: a generic test by its rule, model and column, all else by name."""
    test = getattr(node, "test_metadata", None)
    attached = getattr(node, "attached_node", None)
    if test is None or attached is None:
        return str(node.name)
    column = getattr(node, "column_name", None)
    return f"{test.name} of {attached.split('.')[-1]}" + (f".{column}" if column else "")


def _has_words(node: Any) -> bool:
    """Whether the findings tell what this test found; see macros/findings.sql."""
    test = getattr(node, "test_metadata", None)
    return "as message" in getattr(node, "raw_code", "") or (
        test is not None and test.name == "accepted_values" and node.column_name in ("result", "reason")
    )


def _link_packages(root: Path) -> None:
    """Makes a team's project see the installed package where it lies now: what `dbt deps` does, when due."""
    link = root / "dbt_packages" / PROJECT_NAME
    if not (root / "packages.yml").exists() or link.resolve() == package_project():
        return
    from dbt.cli.main import dbtRunner

    outcome = dbtRunner().invoke(
        ["--quiet", "deps", "--project-dir", str(root), "--profiles-dir", str(root / "profiles")]
    )
    if not outcome.success:
        reason = " ".join(str(outcome.exception).split())
        raise CdrError(f"dbt deps failed in {root}: {reason}; put packages.yml right and try again")


def _is_interrupt(error: BaseException) -> bool:
    """Whether it, or what it came from, is the user's Ctrl-C."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _reporting(progress: Progress) -> Callable[[Any], None]:
    """A listener to dbt's events that tells how many nodes of how many are done, and which is next."""
    done, total = 0, 0

    def hear(event: Any) -> None:
        nonlocal done, total
        if event.info.name == "LogStartLine":
            total = event.data.total
        # Of ephemeral models nothing is made: dbt does not count them.
        if event.info.name == "NodeFinished" and event.data.node_info.materialized != "ephemeral":
            done += 1
        if event.info.name in ("NodeStart", "LogStartLine", "NodeFinished"):
            progress(done, total, event.data.node_info.node_name)

    return hear


def _without_macros(message: str) -> str:
    """A message of dbt as one line, without the list of macros that led to it."""
    return " ".join(re.sub(r"^\s*> (in|called by) .*$", "", message, flags=re.MULTILINE).split())
