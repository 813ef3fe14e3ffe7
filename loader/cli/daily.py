"""The daily job: stage, build, run."""

from datetime import date
from pathlib import Path
from typing import Any

import click

from loader.cli import output
from loader.cli.options import common_options, stage_options
from loader.cli.output import STAGED_COLUMNS


def _stage(
    paths: tuple[str, ...],
    database: Path,
    kind: str | None,
    file_date: date | None,
    name_date: str,
    encoding: str | None,
    max_rejects: str,
    max_rejected_records: int,
    again: bool,
    wait: float,
    quiet: bool,
    dry_run: bool = False,
) -> Any:
    from loader.staging.options import Limit, Options
    from loader.staging.stage import stage as stage_all

    options = Options(
        kind=kind,
        file_date=file_date,
        generated_names=name_date == "generated",
        encoding=encoding,
        max_rejects=Limit.parse(max_rejects),
        max_rejected_records=max_rejected_records,
        again=again,
        dry_run=dry_run,
        wait=wait,
    )
    with output.progress_bar("staging", shown=not quiet) as progress:
        return stage_all(paths, database, options, progress)


def _staged_document(report: Any) -> dict[str, Any]:
    files = [{name: getattr(file, name) for name in (*STAGED_COLUMNS, "path")} for file in report.files]
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


def _print_staged(report: Any, quiet: bool, verbose: bool) -> None:
    if not quiet and report.files:
        shown = [file for file in report.files if verbose or file.state != "ignored"]
        rows = [[getattr(file, name) for name in STAGED_COLUMNS[1:]] for file in shown]
        output.print_table(STAGED_COLUMNS[1:], rows)
    elif not quiet:
        click.echo("no files found", err=True)
    for file in report.files:
        if file.state == "failed":
            click.echo(f"cdr: {file.path}: {file.message}", err=True)
    ignored = sum(file.state == "ignored" for file in report.files)
    if ignored and not quiet:
        hint = "" if verbose else "; -v names them and says why"
        click.echo(f"{ignored} file{'s' if ignored > 1 else ''} ignored{hint}", err=True)
    for file, replaced in report.shrunk:
        click.echo(
            f"cdr: {file.path}: {file.staged:,} records, less than half of the {replaced.staged:,} of file "
            f"{replaced.file_id} that it replaces; if that is wrong: `cdr withdraw {file.file_id}`, then "
            "stage the right file with --again",
            err=True,
        )
    for file in report.over_limit:
        click.echo(
            f"cdr: {file.path}: {file.rejected} of {file.records} records rejected; "
            f"see `cdr rejects --file {file.file_id}`",
            err=True,
        )


@click.command()
@stage_options
@click.option("--dry-run", is_flag=True, help="Read and check everything, change nothing.")
def stage(as_json: bool, quiet: bool, verbose: bool, **options: Any) -> int:
    """Stages files, folders (with all below them) and globs, plain, .gz, .zst or .zip.

    Example: cdr stage inbox/ 'archive/2026-11-*.csv.gz' --wait 60
    """
    report = _stage(quiet=quiet or as_json, **options)
    if as_json:
        output.print_json(_staged_document(report))
    _print_staged(report, quiet or as_json, verbose)
    return int(report.exit_code)


def _built_document(result: Any) -> dict[str, Any]:
    return {
        "nodes": result.nodes,
        "findings": result.findings,
        "still_shown": result.still_shown,
        "exit_code": result.exit_code,
    }


def _say_what_is_still_shown(result: Any) -> None:
    """The last line of a build that was to hide personal data and could not."""
    if result.still_shown:
        click.echo(f"cdr: {result.still_shown}", err=True)


@click.command(context_settings={"ignore_unknown_options": True})
@common_options
@click.argument("dbt_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[DBT ARGS]...")
def build(database: Path, as_json: bool, quiet: bool, dbt_arguments: tuple[str, ...]) -> int:
    """Builds and tests the tables: `dbt build` with this project and its profiles.

    All other arguments are dbt's own.

    Example: cdr build --select +mart_cost_daily --full-refresh
    """
    from loader.operations import build as dbt_build

    result = dbt_build.build(database, dbt_arguments, quiet=quiet or as_json, stdout_to_stderr=as_json)
    if as_json:
        output.print_json(_built_document(result))
    _say_what_is_still_shown(result)
    return result.exit_code


@click.command()
@stage_options
def run(database: Path, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> int:
    """The daily job: stages, then builds, also when some files failed or had rejects.

    Example: cdr run inbox/ --wait 600
    """
    from loader.operations import build as dbt_build

    report = _stage(database=database, quiet=quiet or as_json, **options)
    _print_staged(report, quiet or as_json, verbose)
    result = None
    if report.exit_code < 2:
        result = dbt_build.build(database, (), quiet=quiet or as_json, stdout_to_stderr=as_json)
    code = max(report.exit_code, result.exit_code if result else 0)
    if as_json:
        built = _built_document(result) if result else None
        output.print_json({"stage": _staged_document(report), "build": built, "exit_code": code})
    if result:
        _say_what_is_still_shown(result)
    return int(code)
