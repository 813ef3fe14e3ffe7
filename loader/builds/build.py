"""Runs dbt on this project, dbt 1 in this process and dbt 2 as a program, and decides what is due."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path

from loader.builds import dbt_internals, dbt_program, fingerprint, team_seeds
from loader.builds.behind import behind
from loader.builds.dbt_internals import Node, Progress
from loader.builds.fingerprint import Due
from loader.builds.hiding import still_shown
from loader.builds.variables import argument, pii_mode
from loader.database.connection import opened, retried
from loader.database.disk import BYTES_A_CALL, is_full, no_room, says_full
from loader.database.schema import comment_on_tables
from loader.database.space import put_off_vacuum, vacuum_if_due
from loader.database.sql import literal, one_row
from loader.database.workspace import working
from loader.errors import CdrError
from loader.paths import PACKAGES_FILE, PROJECT_NAME, dbt_folder, is_packaged, package_project, project_root


@dataclass
class Build:
    """What dbt did: one entry per node, what its tests found, in words, and the exit code (0 built, tests
    passed or only warned; 1 something failed). `still_shown` names the tables that may show more than the
    variable pii_mode allows.
    """

    nodes: list[Node]
    exit_code: int
    findings: list[str] = field(default_factory=list)
    still_shown: str | None = None
    # Schema and name of the models and seeds, whatever became of them.
    relations: frozenset[tuple[str, str]] = frozenset()

    def with_status(self, *statuses: str) -> list[Node]:
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
    """Run `dbt build` (or another dbt command) with this project and its profiles on the database, and create
    the raw tables where there are none. `progress`, when given, is called for every node, and dbt prints
    nothing. `keeps_manifest`: the project is as it was in the last build, so that dbt's manifest.json, where
    there is one, is not written again, which takes a second.

    Raises CdrError when dbt cannot run at all: wrong arguments, a broken project, a database that is locked
    for longer than `wait` seconds.
    """
    program = dbt_program.find()
    if program is None:
        dbt_internals.check_python()
    root = project_root()
    with opened(database, "create", wait) as connection:
        comment_on_tables(connection)
        if connection.execute("select 1 from raw_sinch.files limit 1").fetchone():
            _refuse_empty(arguments, database)
    os.environ["CDR_DATABASE"] = str(database)
    os.environ["CDR_PACKAGE_DIR"] = str(package_project())
    team_seeds.name_absolutely()
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    line = [command, *_folders(root, database), *arguments]
    target = _target_folder(root, database)
    results_file = None
    if program is None:
        line = [*_how_it_prints(is_quiet=quiet or progress is not None, has_log=progress is None), *line]
        if keeps_manifest and (target / "manifest.json").exists():
            line.append("--no-write-json")
            results_file = target / "run_results.json"
    _link_packages(root, program)
    with (
        _spilling(database) as spill,
        # dbt 2 opens the database in its own process.
        _held(root, database, arguments, wait, spill) if program is None else nullcontext(),
        redirect_stdout(sys.stderr) if stdout_to_stderr else nullcontext(),
    ):
        if program is None:
            done = dbt_internals.run(line, progress, results_file)
        else:
            done = dbt_program.run(program, line, target, spill, quiet=quiet, progress=progress)
    if program is not None:
        done.findings += dbt_program.findings(target, done.nodes, database, wait)
    if done.refusal is not None:
        mode = pii_mode(root, arguments)
        unmasked = "" if mode == "clear" else f"; nothing was {mode}, the tables are as they were"
        raise CdrError(
            f"dbt could not run: {done.refusal}{_named_by(done.refusal)}; correct it and run `cdr build` "
            f"again{unmasked}"
        )
    for node in done.nodes:
        if says_full(node["message"]):
            node["message"] = _no_room(database, node["message"])
    shown = still_shown(database, wait)
    return Build(done.nodes, 0 if done.success else 1, done.findings, shown, done.relations)


def build_due(database: Path, due: Due, progress: Progress, *, stdout_to_stderr: bool, wait: float) -> Build:
    """Build what is due, without unit tests, and remember what was read where all went well.

    Raises CdrError when dbt cannot run at all.
    """
    arguments = ["--exclude-resource-type", "unit_test"]
    if due is Due.DELIVERIES:
        # This project's seeds, the tests beside them, and views, by name: a team's own may read the calendar.
        own = [f"package:{PROJECT_NAME},{chosen}" for chosen in ("path:seeds", "config.materialized:view")]
        arguments += ["--indirect-selection", "empty", "--exclude", *own, "tag:constant"]
    built = build(
        database,
        tuple(arguments),
        quiet=True,
        stdout_to_stderr=stdout_to_stderr,
        wait=wait,
        progress=progress,
        keeps_manifest=due is Due.DELIVERIES,
    )
    if built.exit_code == 0:
        fingerprint.remember(database, project_root(), wait)
    return built


def _refuse_empty(arguments: tuple[str, ...], database: Path) -> None:
    """Raise CdrError where dbt would build without rows, and so empty tables that hold some."""
    given = [each for each in arguments if each in ("--empty", "--no-empty")]
    is_set = os.environ.get("DBT_EMPTY", "").lower() in ("1", "true", "t", "yes", "y", "on")
    if given[-1:] == ["--empty"] or (is_set and not given):
        cause = "--empty" if given else "DBT_EMPTY, which the environment sets,"
        raise CdrError(
            f"{cause} would empty tables, and {database} holds deliveries; build without it, or name a "
            "database of its own with --database"
        )


def _how_it_prints(*, is_quiet: bool, has_log: bool) -> list[str]:
    """dbt 1's options. Without a log, failures are reported from the results: dbt's own lines, though never
    shown, cost half a second, and every query in its file a twentieth of a daily build. Without its own level
    the file has the first's.
    """
    options = ["--quiet"] if is_quiet else []
    if not has_log:
        options += ["--log-level", "none", "--log-level-file", os.environ.get("DBT_LOG_LEVEL_FILE", "info")]
    if "NO_COLOR" in os.environ or not sys.stdout.isatty():
        options.append("--no-use-colors")
    return options


def _named_by(reason: str) -> str:
    """The variable of the environment, perhaps another project's, that names what dbt does not find."""
    for variable in ("DBT_TARGET", "DBT_PROFILE"):
        value = os.environ.get(variable)
        if value and re.search(rf"['\"]{re.escape(value)}['\"]", reason):
            return f" ({variable} is set to {value} in the environment, for another project? unset it)"
    return ""


def _folders(root: Path, database: Path) -> list[str]:
    """dbt's options for its folders; nothing is written into an installed package."""
    folders = ["--project-dir", str(root), "--profiles-dir", str(root / "profiles")]
    if is_packaged(root):
        target, logs = _target_folder(root, database), log_file(database).parent.absolute()
        folders += ["--target-path", str(target), "--log-path", str(logs)]
    return folders


def _target_folder(root: Path, database: Path) -> Path:
    """Where dbt writes its manifest, compiled queries and results."""
    if is_packaged(root):
        return dbt_folder(database) / "target"
    return root / (os.environ.get("DBT_TARGET_PATH") or "target")


def log_file(database: Path) -> Path:
    """The path of dbt's own log, relative to the current folder where it is below that."""
    root = project_root()
    folder = (dbt_folder(database) if is_packaged(root) else root) / "logs"
    path = Path(os.environ.get("DBT_LOG_PATH") or folder) / "dbt.log"
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextmanager
def full_disk_explained(database: Path) -> Iterator[None]:
    """Raise CdrError that names folder and room where a disk was full, whatever the error was."""
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        raise CdrError(_no_room(database, error)) from error


def _no_room(database: Path, error: object) -> str:
    """One line about a full disk: of the file that the error names, otherwise of what has the least room."""
    root = project_root()
    folders = [database.parent, _target_folder(root, database), log_file(database).parent]
    folders += [Path(folder) for folder in (os.environ.get("CDR_TEMP_DIRECTORY"),) if folder]
    named = [Path(path).parent for path in re.findall(r"['\"](/[^'\"]+)['\"]", str(error))]
    needed = database.stat().st_size if database.exists() else 0
    with suppress(Exception), opened(database, "read") as connection:
        files = list(behind(connection).files)
        query = "select sum(staged) from raw_sinch.files where file_id in (select unnest(?))"
        (records,) = one_row(connection, query, [files])
        needed = BYTES_A_CALL * int(records or 0)
    room = no_room([folder for folder in named if folder.is_dir()] or folders, needed)
    return f"{room} to build; make room there and run `cdr build` again"


@contextmanager
def _spilling(database: Path) -> Iterator[Path]:
    """A private folder for what does not fit into memory: in CDR_TEMP_DIRECTORY, otherwise beside the
    database.
    """
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
    """Keep the database open while dbt runs, so that no other process gets its lock between dbt's own
    connections.
    """
    target = argument(arguments, "--target") or argument(arguments, "-t")
    connect = dbt_internals.connecting_as_dbt(root, target, database)
    if connect is None:
        yield
        return
    import duckdb

    connection = retried(database, wait, connect)
    try:
        put_off_vacuum(connection)
        # For dbt's own connections, too. In the profile it would make dbt parse the project each time.
        connection.execute(f"set global temp_directory = {literal(str(spill))}")
        yield
        # After an error, such as a full disk, which dbt reports, this process cannot read the file.
        with suppress(duckdb.FatalException, duckdb.IOException):
            vacuum_if_due(connection, database)
    finally:
        connection.close()


def _link_packages(root: Path, program: str | None) -> None:
    """Run `dbt deps` where a team's project has no link to the package as it is installed now."""
    link = root / "dbt_packages" / PROJECT_NAME
    if not (root / PACKAGES_FILE).exists() or link.resolve() == package_project():
        return
    line = ["deps", "--project-dir", str(root), "--profiles-dir", str(root / "profiles")]
    if program is None:
        outcome = dbt_internals.run(["--quiet", *line])
    else:
        outcome = dbt_program.run(program, line, root / "target", quiet=True)
    if not outcome.success:
        raise CdrError(f"dbt deps failed in {root}: {outcome.refusal}; correct packages.yml and try again")
