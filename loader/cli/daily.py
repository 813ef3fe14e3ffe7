"""The daily job: stage, build, run, status."""

import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.cli import facts, output, staged
from loader.cli.options import common_options, stage_options, wait_option
from loader.database.connection import opened
from loader.database.lock import exclusive
from loader.errors import CdrError
from loader.text import counted

if TYPE_CHECKING:
    from loader.builds.build import Build
    from loader.inputs.discovery import Delivery
    from loader.operations.compact import Compacted
    from loader.report.summary import Summary
    from loader.staging.options import Options
    from loader.staging.replacement import Replacement
    from loader.staging.stage import Report

# How long the steps of one run wait for a reader that opens the file between them, whatever --wait is.
_GRACE_SECONDS = 5.0


def _stage(paths: tuple[str, ...], database: Path, options: "Options", quiet: bool) -> "Report":
    from loader.staging.stage import find_deliveries

    return _stage_all(find_deliveries(paths, options), database, options, quiet)


def _stage_all(
    deliveries: "list[Delivery]", database: Path, options: "Options", quiet: bool, *, is_agreed: bool = True
) -> "Report":
    from loader.staging.stage import stage as stage_all

    with output.progress_bar("staging", visible=not quiet, first="reading the first files") as progress:
        return stage_all(deliveries, database, options, progress, is_agreed=is_agreed)


def _stage_or_ask(
    paths: tuple[str, ...], database: Path, options: "Options", silent: bool, as_json: bool
) -> "Report":
    """Stage, but ask before most of more than three days is replaced by less; raise CdrError where nobody
    agrees.
    """
    from loader.staging.stage import Unasked, find_deliveries

    deliveries = find_deliveries(paths, options)
    try:
        return _stage_all(deliveries, database, options, silent, is_agreed=False)
    except Unasked as unasked:
        suspects = unasked.suspects
    found = _stage_all(suspects, database, replace(options, dry_run=True), silent).replacement
    if found is not None:
        _ask_before_replacing(found, as_json)
    return _stage_all(deliveries, database, options, silent)


def _ask_before_replacing(found: "Replacement", as_json: bool) -> None:
    what = (
        f"these deliveries would replace {counted(found.superseded, 'file')} of {len(found.days)} days, "
        f"{found.days[0]} to {found.days[-1]}, and have {found.kept:,} of their {found.records:,} calls"
    )
    if as_json or not sys.stdin.isatty():
        raise CdrError(
            f"{what}; nothing is staged: another data set needs a database of its own (--database), "
            "and where this is right, add --replace"
        )
    if not click.confirm(f"{what[0].upper()}{what[1:]}. Replace them?", err=True):
        raise CdrError("nothing is staged; another data set needs a database of its own (--database)")


@click.command()
@stage_options
@click.option("--dry-run", is_flag=True, help="Read and check everything, change nothing.")
def stage(
    paths: tuple[str, ...],
    options: "Options",
    database: Path,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    dry_run: bool,
) -> int:
    """Stage files, folders (with all below them), globs and s3://bucket/prefix/, plain, .gz, .zst or .zip.

    Example: cdr stage inbox/ 'archive/2026-11-*.csv.gz' --wait 60
    """
    quiet = quiet or as_json
    if dry_run:
        report = _stage(paths, database, replace(options, dry_run=True), quiet)
    else:
        with exclusive(database, options.wait, creates=True) as deadline:
            report = _stage(paths, database, replace(options, wait=deadline.left), quiet)
    if as_json:
        output.print_json(staged.document(report))
    staged.print_report(report, quiet=quiet, verbose=verbose, dry_run=dry_run)
    return report.exit_code


def _built_document(built: "Build") -> dict[str, object]:
    return {
        "nodes": built.nodes,
        "findings": built.findings,
        "still_shown": built.still_shown,
        "exit_code": built.exit_code,
    }


@click.command(context_settings={"ignore_unknown_options": True})
@wait_option
@common_options
@click.argument("dbt_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[DBT ARGS]...")
def build(database: Path, as_json: bool, quiet: bool, wait: float, dbt_arguments: tuple[str, ...]) -> int:
    """Build and test the tables: `dbt build` with this project and its profiles.

    All other arguments are dbt's own.

    Example: cdr build --select +mart_cost_daily --full-refresh
    """
    from loader.builds.build import build as dbt_build
    from loader.builds.build import full_disk_explained
    from loader.builds.variables import unknown_variables
    from loader.database.space import blocks
    from loader.operations.compact import compact, is_worth_it
    from loader.paths import project_root

    for warning in unknown_variables(project_root(), dbt_arguments):
        output.print_error(f"cdr: {warning}")
    with exclusive(database, wait, creates=True) as deadline, full_disk_explained(database):
        built = dbt_build(
            database, dbt_arguments, quiet=quiet or as_json, stdout_to_stderr=as_json, wait=deadline.left
        )
        if {"--full-refresh", "-f"} & set(dbt_arguments) and is_worth_it(blocks(database)):
            compacted = compact(database, _GRACE_SECONDS)
            if not (quiet or as_json):
                output.print_line(_sizes(compacted))
    if as_json:
        output.print_json(_built_document(built))
    if built.still_shown:
        output.print_error(f"cdr: {built.still_shown}")
    return built.exit_code


def _sizes(compacted: "Compacted") -> str:
    before, after = compacted.bytes_before / 2**20, compacted.bytes_after / 2**20
    return f"database compacted from {before:,.1f} to {after:,.1f} MiB"


@click.command()
@stage_options
@click.option(
    "--replace",
    "replaces",
    is_flag=True,
    help="Do not ask before most files of more than 3 days are replaced by fewer than half of their calls.",
)
@click.option(
    "--publish",
    "published",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="At the end, write the marts alone to OUT, as `cdr publish` does.",
)
def run(
    paths: tuple[str, ...],
    options: "Options",
    database: Path,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    replaces: bool,
    published: Path | None,
) -> int:
    """Run the daily job: stage, build and test the tables, print a summary.

    Files that fail or have rejects do not stop the build. Unit tests are left out: they test SQL, not data.
    Where nothing is new since the last run, nothing is built; where only files are new, the project's own
    seeds with their tests, and its views, are left out.

    Example: cdr run inbox/ --wait 600
    """
    silent = quiet or as_json
    begun = time.monotonic()
    built: Build | None = None
    summary: Summary | None = None
    problem = unpublished = None
    up_to_date = False
    with exclusive(database, options.wait, creates=True) as deadline:
        waiting = replace(options, wait=deadline.left)
        if replaces:
            report = _stage(paths, database, waiting, silent)
        else:
            report = _stage_or_ask(paths, database, waiting, silent, as_json)
        staged.print_report(report, quiet=silent, verbose=verbose)
        staged_in = time.monotonic() - begun
        if report.exit_code < 2:
            try:
                built, summary = _build_what_is_due(
                    database, silent, as_json, max(deadline.left, _GRACE_SECONDS)
                )
                up_to_date = built is None
            except CdrError as error:
                # Not raised: files are staged, so exit code 2, nothing was done, would be wrong.
                problem = str(error)
            except KeyboardInterrupt:
                message = "interrupted while building; the files are staged: `cdr build` does the rest"
                output.print_error(f"cdr: {message}")
                return 130
        # Where nothing is new there is nothing to publish, unless there is no publication yet.
        due = built is not None or (up_to_date and published is not None and not published.exists())
        if published is not None and due:
            unpublished = _publish(database, published, max(deadline.left, _GRACE_SECONDS))
        if built is not None:
            from loader.report.summary import summarise

            with opened(database, "read", max(deadline.left, _GRACE_SECONDS)) as connection:
                summary = summarise(connection)
    code = max(report.exit_code, built.exit_code if built else 0, 1 if problem or unpublished else 0)
    if problem:
        output.print_error(f"cdr: {problem}")
    for node in built.with_status("error", "fail", "runtime error") if built else ():
        reason = " ".join(str(node["message"]).split())[:300]
        output.print_error(f"cdr: {node['label']}: {reason}; see {_log_file(database)}")
    if as_json:
        document = {
            "stage": staged.document(report),
            "build": _built_document(built) if built else None,
            "up_to_date": up_to_date,
            "summary": asdict(summary) if summary else None,
            "exit_code": code,
        }
        failed = problem or unpublished
        output.print_json(document | ({"error": failed} if failed else {}))
    elif not quiet and report.exit_code < 2:
        warnings = _warnings(built, database) if built else []
        built_in = time.monotonic() - begun - staged_in
        facts.print_summary(report, built, problem, warnings, summary, staged_in=staged_in, built_in=built_in)
    if unpublished:
        output.print_error(f"cdr: {unpublished}")
    elif built and built.still_shown:
        output.print_error(f"cdr: {built.still_shown}")
    return code


def _build_what_is_due(
    database: Path, silent: bool, as_json: bool, wait: float
) -> "tuple[Build | None, Summary | None]":
    """The build; or, where nothing is due, the summary, read by the connection that found this out."""
    from loader.builds.build import build_due, full_disk_explained
    from loader.builds.fingerprint import Due, what_is_due
    from loader.paths import project_root

    with full_disk_explained(database):
        with opened(database, "read", wait) as connection:
            due = what_is_due(connection, project_root())
            if due is Due.NOTHING:
                from loader.report.summary import summarise

                return None, summarise(connection)
        with output.progress_bar("building", visible=not silent, first=output.READING) as progress:
            return build_due(database, due, progress, stdout_to_stderr=as_json, wait=wait), None


def _publish(database: Path, out: Path, wait: float) -> str | None:
    """Publish the marts, or return why they are not published."""
    from loader.builds.hiding import require_hidden
    from loader.operations.publish import publish

    try:
        require_hidden(database, wait)
        publish(database, out, wait=wait)
    except CdrError as error:
        return str(error)
    return None


def _warnings(built: "Build", database: Path) -> list[str]:
    """What the tests found, in words; of tests that have none, their name and what they count."""
    without_words = [node for node in built.with_status("warn") if not node["has_words"]]
    log = _log_file(database)
    counts = [f"{node['label']}: {node['failures']} records; see {log}" for node in without_words]
    return [*built.findings, *counts]


def _log_file(database: Path) -> Path:
    from loader.builds.build import log_file

    return log_file(database)


@click.command()
@click.option(
    "--max-age",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Exit with 1 when the newest day is more whole days old than this, or tables are behind files.",
)
@wait_option
@common_options
def status(database: Path, as_json: bool, quiet: bool, wait: float, max_age: int | None) -> int:
    """Show what is in the database: newest and missing days, rejects, the last build, versions, size.

    Example: cdr status --max-age 2
    """
    from loader.operations.status import status as read_status

    found = read_status(database, wait)
    too_old = max_age is not None and (found.age_days is None or found.age_days > max_age)
    behind = facts.behind(found)
    code = int(too_old or (max_age is not None and behind is not None))
    if as_json:
        output.print_json({**asdict(found), "exit_code": code})
    elif not quiet:
        facts.print_status(found)
    if too_old:
        newest = "no data loaded"
        if found.newest_day:
            newest = f"the newest day, {found.newest_day}, is over {counted(max_age or 0, 'whole day')} old"
        output.print_error(f"cdr: {newest}; deliver what is missing")
    if code and behind:
        output.print_error(f"cdr: {behind}")
    return code
