"""The command `cdr`: thin commands over the package's functions."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from loader import output
from loader.errors import CdrError
from loader.feeds import KINDS
from loader.manifest import STATES
from loader.paths import database_path

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Group(click.Group):
    """Ends every failure with one line on stderr and exit code 2, with --json as a document on stdout too."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Any:
        arguments = list(sys.argv[1:] if args is None else args)
        # Whatever the command writes holds personal data.
        os.umask(0o077)
        try:
            code = super().main(arguments, **{**extra, "standalone_mode": False})
            sys.stdout.flush()
            sys.exit(code if isinstance(code, int) else 0)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            sys.exit(2)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "cdr"
            _fail(f"{error.format_message()} See `{command} --help`", arguments)
        except click.ClickException as error:
            _fail(error.format_message(), arguments)
        except CdrError as error:
            _fail(str(error), arguments)
        except (click.Abort, KeyboardInterrupt):
            _fail("interrupted; whole files are staged, run the command again for the rest", arguments, 130)
        except BrokenPipeError:
            # The reader of the output has seen enough.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except Exception as error:
            if os.environ.get("CDR_DEBUG"):
                raise
            reason = " ".join(str(error).split()) or type(error).__name__
            _fail(
                f"unexpected {type(error).__name__}: {reason}; run again with CDR_DEBUG=1 for details",
                arguments,
            )


def _fail(message: str, arguments: list[str], code: int = 2) -> None:
    line = " ".join(message.split())
    if "--json" in arguments:
        output.print_json({"error": line, "exit_code": code})
    click.echo(f"cdr: {line}", err=True)
    sys.exit(code)


@click.group(cls=_Group, context_settings={"max_content_width": 100})
@click.version_option(package_name="cdr-tables", prog_name="cdr")
def main() -> None:
    """Turns Sinch call-detail-record files into trusted tables.

    Exit codes: 0 done; 1 done, but records were rejected, or a check or a test failed; 2 nothing was done.
    """


def _options(*decorators: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def apply(command: _Command) -> _Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


def _database(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Path:
    return database_path(value)


def _day(_context: click.Context, _parameter: click.Parameter, value: datetime | None) -> date | None:
    return value.date() if value else None


_DAY = click.DateTime(["%Y-%m-%d"])
_KIND = click.Choice(list(KINDS))

database_option = click.option(
    "--database",
    metavar="FILE",
    callback=_database,
    help="The DuckDB file [default: CDR_DATABASE, else cdr.duckdb in the project's folder].",
)
output_options = _options(
    click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else."
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print only errors."),
)
common_options = _options(database_option, output_options)
wait_option = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Wait so long for a database that another process uses.",
)
stage_options = _options(
    click.argument("paths", nargs=-1, required=True, metavar="PATH..."),
    click.option("--kind", type=_KIND, help="What files without a header hold."),
    click.option(
        "--file-date", type=_DAY, callback=_day, metavar="YYYY-MM-DD", help="The UTC day the files cover."
    ),
    click.option(
        "--name-date",
        type=click.Choice(["covered", "generated"]),
        default="covered",
        envvar="CDR_NAME_DATE",
        show_default=True,
        help="Dates in names mean the day covered or, one later, that of generation [env: CDR_NAME_DATE].",
    ),
    click.option(
        "--encoding", metavar="NAME", help="Encoding of files without a byte order mark [default: utf-8]."
    ),
    click.option(
        "--max-rejects",
        metavar="N|P%",
        default="0",
        show_default=True,
        help="Exit with 1 when more records of a file are rejected; they are staged in any case.",
    ),
    wait_option,
    common_options,
)


def _stage(
    paths: tuple[str, ...],
    database: Path,
    kind: str | None,
    file_date: date | None,
    name_date: str,
    encoding: str | None,
    max_rejects: str,
    wait: float,
    quiet: bool,
    dry_run: bool = False,
) -> Any:
    from loader import staging
    from loader.options import Limit, Options

    options = Options(
        kind=kind,
        file_date=file_date,
        generated_names=name_date == "generated",
        encoding=encoding,
        max_rejects=Limit.parse(max_rejects),
        dry_run=dry_run,
        wait=wait,
    )
    with output.progress_bar("staging", shown=not quiet) as progress:
        return staging.stage(paths, database, options, progress)


_STAGED_COLUMNS = (
    "file_id",
    "file_name",
    "kind",
    "file_date",
    "records",
    "staged",
    "rejected",
    "state",
    "message",
)


def _staged_document(report: Any) -> dict[str, Any]:
    files = [{name: getattr(file, name) for name in (*_STAGED_COLUMNS, "path")} for file in report.files]
    for file in files:
        file["file_id"] = file["file_id"] or None
    totals = {name: sum(file[name] for file in files) for name in ("records", "staged", "rejected")}
    states = ("current", "duplicate", "failed", "skipped", "ignored")
    counts = {state: sum(file["state"] == state for file in files) for state in states}
    return {
        "files": files,
        "totals": {"files": len(files), **totals, **counts},
        "exit_code": report.exit_code,
    }


def _print_staged(report: Any, quiet: bool) -> None:
    if not quiet and report.files:
        rows = [[getattr(file, name) for name in _STAGED_COLUMNS[1:]] for file in report.files]
        output.print_table(_STAGED_COLUMNS[1:], rows)
    elif not quiet:
        click.echo("no files found", err=True)
    for file in report.files:
        if file.state == "failed":
            click.echo(f"cdr: {file.path}: {file.message}", err=True)
    for file in report.over_limit:
        click.echo(
            f"cdr: {file.path}: {file.rejected} of {file.records} records rejected; "
            f"see `cdr rejects --file {file.file_id}`",
            err=True,
        )


@main.command()
@stage_options
@click.option("--dry-run", is_flag=True, help="Read and check everything, change nothing.")
def stage(as_json: bool, quiet: bool, **options: Any) -> int:
    """Stages files, folders (with all below them) and globs, plain, .gz, .zst or .zip.

    Example: cdr stage inbox/ 'archive/2026-11-*.csv.gz' --wait 60
    """
    report = _stage(quiet=quiet or as_json, **options)
    if as_json:
        output.print_json(_staged_document(report))
    _print_staged(report, quiet or as_json)
    return int(report.exit_code)


def _built_document(result: Any) -> dict[str, Any]:
    return {"nodes": result.nodes, "exit_code": result.exit_code}


@main.command(context_settings={"ignore_unknown_options": True})
@common_options
@click.argument("dbt_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[DBT ARGS]...")
def build(database: Path, as_json: bool, quiet: bool, dbt_arguments: tuple[str, ...]) -> int:
    """Builds and tests the tables: `dbt build` with this project and its profiles.

    All other arguments are dbt's own.

    Example: cdr build --select +mart_cost_daily --full-refresh
    """
    from loader import dbt_runner

    result = dbt_runner.build(database, dbt_arguments, quiet=quiet or as_json, stdout_to_stderr=as_json)
    if as_json:
        output.print_json(_built_document(result))
    return result.exit_code


@main.command()
@stage_options
def run(database: Path, as_json: bool, quiet: bool, **options: Any) -> int:
    """The daily job: stages, then builds, also when some files failed or had rejects.

    Example: cdr run inbox/ --wait 600
    """
    from loader import dbt_runner

    report = _stage(database=database, quiet=quiet or as_json, **options)
    _print_staged(report, quiet or as_json)
    result = None
    if report.exit_code < 2:
        result = dbt_runner.build(database, (), quiet=quiet or as_json, stdout_to_stderr=as_json)
    code = max(report.exit_code, result.exit_code if result else 0)
    if as_json:
        built = _built_document(result) if result else None
        output.print_json({"stage": _staged_document(report), "build": built, "exit_code": code})
    return int(code)


@main.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--days", type=click.IntRange(min=1), default=14, show_default=True, help="Days of deliveries.")
@click.option(
    "--calls-per-day", type=click.IntRange(min=0), default=5000, show_default=True, help="Calls a day."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option("--warts", is_flag=True, help="Add files with every irregularity that real ones may have.")
@click.option(
    "--end", type=_DAY, callback=_day, default="2026-11-22", show_default=True, help="The last day."
)
@output_options
def synth(
    out: Path, days: int, calls_per_day: int, seed: int, warts: bool, end: date, as_json: bool, quiet: bool
) -> int:
    """Writes realistic synthetic deliveries of all four kinds into the folder OUT.

    Example: cdr synth demo/ --days 14 --calls-per-day 5000 --seed 1 --warts
    """
    from loader.synth import synthesise

    try:
        files = synthesise(out, days, calls_per_day, seed, warts=warts, end=end)
    except OSError as error:
        raise CdrError(f"cannot write into {out} ({error.strerror}); name another folder") from error
    if as_json:
        output.print_json({"files": [str(file) for file in files], "exit_code": 0})
    elif not quiet:
        click.echo(f"{len(files)} files in {out}")
    return 0


_filter_options = _options(
    click.option("--file", "file", metavar="FILE", help="Only this file: its id, name or path."),
    click.option("--kind", type=_KIND, help="Only this kind."),
    click.option(
        "--date",
        "file_date",
        type=_DAY,
        callback=_day,
        metavar="YYYY-MM-DD",
        help="Only files of this file date.",
    ),
    click.option("--state", type=click.Choice(STATES), help="Only files in this state."),
    common_options,
)


@main.command()
@_filter_options
def files(database: Path, as_json: bool, quiet: bool, **chosen: Any) -> int:
    """Lists the manifest: every delivered version of every file and what became of it.

    Example: cdr files --kind app_app --state superseded
    """
    from loader.database import opened
    from loader.listing import Filter, list_files

    with opened(database, "read") as connection:
        found = list_files(connection, Filter(**chosen))
    if as_json:
        output.print_json({"files": [asdict(file) for file in found], "exit_code": 0})
    elif not quiet:
        columns = ("file_id", *_STAGED_COLUMNS[1:], "loaded_at")
        output.print_table(columns, [[getattr(file, name) for name in columns] for file in found])
    return 0


@main.command()
@_filter_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Write the rejected lines of one file, under its header, to correct them and stage them again.",
)
def rejects(database: Path, as_json: bool, quiet: bool, out: Path | None, **chosen: Any) -> int:
    """Lists the quarantine: the records that could not be staged, and why.

    Example: cdr rejects --file cdr_2026-11-22.csv --out to_correct.csv
    """
    from loader.database import opened
    from loader.listing import Filter, list_rejects, write_rejects

    with opened(database, "read") as connection:
        if out is not None:
            file, count = write_rejects(connection, Filter(**chosen), out)
            if as_json:
                output.print_json(
                    {"file_id": file.file_id, "out": str(out), "rejects": count, "exit_code": 0}
                )
            elif not quiet:
                click.echo(f"{count} rejected records of file {file.file_id} ({file.file_name}) in {out}")
            return 0
        found = list(list_rejects(connection, Filter(**chosen)))
    if as_json:
        output.print_json({"rejects": [asdict(reject) for reject in found], "exit_code": 0})
    elif not quiet:
        columns = ("file_id", "file_name", "line", "reason_code", "detail", "raw")
        output.print_table(columns, [[getattr(reject, name) for name in columns] for reject in found])
    return 0


@main.command()
@click.argument("file", metavar="FILE")
@click.option("--undo", is_flag=True, help="Bring a withdrawn file back.")
@wait_option
@common_options
def withdraw(file: str, database: Path, as_json: bool, quiet: bool, undo: bool, wait: float) -> int:
    """Takes a delivered file out of every table from the next build on.

    FILE is its id, name or path. The version it had superseded does not come back by that: withdraw the wrong
    one, then deliver the right one.

    Example: cdr withdraw 17
    """
    from loader.database import opened
    from loader.manifest import restore, withdraw

    with opened(database, "write", wait) as connection:
        changed = (restore if undo else withdraw)(connection, file)
    if as_json:
        output.print_json({"file": asdict(changed), "exit_code": 0})
    elif not quiet:
        click.echo(
            f"file {changed.file_id} ({changed.file_name}) is {changed.state}; "
            "`cdr build` brings the tables up to date"
        )
    return 0


@main.command()
@click.option(
    "--before", type=_DAY, callback=_day, required=True, metavar="YYYY-MM-DD", help="Files of earlier days."
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask, on a terminal either.")
@wait_option
@common_options
def purge(
    before: date, database: Path, as_json: bool, quiet: bool, dry_run: bool, yes: bool, wait: float
) -> int:
    """Erases raw and rejected records of old files for good and marks the files withdrawn.

    The tables follow with the next build; a purge after that erases what the build has dropped from the file,
    too.

    Example: cdr purge --before 2025-11-22 && cdr build && cdr purge --before 2025-11-22
    """
    from loader import purge

    if not (yes or dry_run or as_json) and sys.stdin.isatty():
        click.confirm(
            f"Erase the records of all files before {before} from {database}?", abort=True, err=True
        )
    purged = purge.purge(database, before, dry_run=dry_run, wait=wait)
    if as_json:
        files = [asdict(file) for file in purged.files]
        counts = {"records": purged.records, "rejects": purged.rejects, "undated_files": purged.undated}
        output.print_json({"files": files, **counts, "dry_run": dry_run, "exit_code": 0})
    elif not quiet:
        verb = "would be erased" if dry_run else "erased; `cdr build` brings the tables up to date"
        click.echo(
            f"{purged.records} records and {purged.rejects} rejects of {len(purged.files)} files {verb}"
        )
        if purged.undated:
            click.echo(f"{purged.undated} files of no known day are kept; see `cdr files`", err=True)
    return 0


@main.command()
@common_options
def verify(database: Path, as_json: bool, quiet: bool) -> int:
    """Checks every conservation law and prints each with both its sides.

    The exit code is 1 if one fails. Laws over tables that are not built yet are shown as such.

    Example: cdr verify
    """
    from loader.database import opened
    from loader.verify import check_laws

    with opened(database, "read") as connection:
        laws = check_laws(connection)
    code = int(any(law.ok is False for law in laws))
    if as_json:
        output.print_json({"laws": [asdict(law) for law in laws], "exit_code": code})
        return code
    words = {True: "ok", False: "FAILS", None: "not built"}
    if not quiet:
        output.print_table(
            ("law", "left", "right", "result", "detail"),
            [(law.law, law.left, law.right, words[law.ok], law.detail) for law in laws],
        )
    for law in laws:
        if law.ok is False:
            click.echo(
                f"cdr: {law.law}: {law.left} and {law.right} differ; {law.detail or 'run `cdr build`'}",
                err=True,
            )
    return code


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@common_options
def export(folder: Path, database: Path, as_json: bool, quiet: bool) -> int:
    """Writes the raw tables as partitioned Parquet for a distributed engine.

    Holds the records of current files, the manifest and the quarantine; writes only what changed.

    Example: cdr export /data/lake/sinch
    """
    from loader import export
    from loader.database import opened

    with opened(database, "read") as connection:
        done = export.export(connection, folder)
    if as_json:
        output.print_json({**asdict(done), "folder": str(folder), "exit_code": 0})
    elif not quiet:
        click.echo(f"{done.written} files written, {done.kept} unchanged, {done.removed} removed in {folder}")
    return 0
