"""The daily job: stage, build, run, status."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click

from loader.cli import output
from loader.cli.options import common_options, stage_options, wait_option
from loader.cli.output import STAGED_COLUMNS
from loader.database.lock import exclusive
from loader.errors import CdrError

# More files than this are told in a line a kind and state, unless -v asks for all.
_LISTED_FILES = 20
# How long the steps of one run wait for a reader that opens the file between them, whatever --wait says.
_GRACE_SECONDS = 5.0


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
    with output.progress_bar("staging", visible=not quiet) as progress:
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


def _print_staged(report: Any, quiet: bool, verbose: bool = False, dry_run: bool = False) -> None:
    if not quiet and report.files:
        # Those named themselves are listed, unless they are a whole inbox.
        named = report.named if len(report.named) <= _LISTED_FILES else []
        shown = {file.path for file in named} - {file.path for file in report.left_out}
        known = [file for file in report.files if file.state == "skipped" and file.path not in shown]
        # What failed is told below, once.
        told = {"failed"} if verbose else {"failed", "skipped", "ignored"}
        listed = [file for file in report.files if file.state not in told or file.path in shown]
        if len(listed) > _LISTED_FILES and not verbose:
            beside = [file for file in listed if _only_shares_no_call(file)]
            plain = [file for file in listed if _is_plain(file)]
            if len(beside) > _LISTED_FILES:
                plain += beside
            _print_by_kind(plain)
            listed = [file for file in listed if file not in plain]
            if len(beside) > _LISTED_FILES:
                output.print_line(
                    f"{len(beside):,} of them share no call with others of their name, kind and day, so all "
                    "count (-v lists them)"
                )
        if listed:
            rows = [[getattr(file, name) for name in STAGED_COLUMNS[1:]] for file in listed]
            output.print_table(STAGED_COLUMNS[1:], rows, optional=("file_date", "message"))
        if known and not verbose:
            output.print_line(_known(report, known))
    elif not quiet:
        output.print_error("no files found")
    for file in report.files:
        if file.state == "failed":
            output.print_error(f"cdr: {file.path}: {file.message}")
    ignored = sum(file.state == "ignored" for file in report.files)
    if ignored and not quiet:
        hint = "" if verbose else "; -v names them and says why"
        output.print_error(f"{ignored} file{'s' if ignored > 1 else ''} ignored{hint}")
    named = {file.path for file in report.named}
    left_out = [file for file in report.left_out if file.path in named]
    for file in left_out[:_LISTED_FILES]:
        output.print_error(f"cdr: {file.path}: not staged: {file.message}")
    if len(left_out) > _LISTED_FILES:
        output.print_error(f"cdr: {len(left_out) - _LISTED_FILES:,} more are not staged; -v says why")
    for change in report.shrunk:
        replaced = sum(file.staged for file in change.superseded)
        ids = ", ".join(str(file.file_id) for file in change.superseded)
        output.print_error(
            f"cdr: {change.file.path}: has the calls of less than half of the {replaced:,} records that it "
            f"replaces ({replaced - change.lacking:,}; file {ids}); if that is wrong: "
            f"`cdr withdraw {change.file.file_id}`, then stage the right file with --again"
        )
    for file in report.over_limit:
        output.print_error(
            f"cdr: {file.path}: {file.rejected} of {file.records} records rejected; "
            + ("the first of them:" if dry_run else f"see `cdr rejects --file {file.file_id}`")
        )
        for reject in report.first_rejects.get(file.file_id, ()):
            output.print_error(f"  line {reject.line}: {reject.reason_code}, {reject.detail}")


def _known(report: Any, known: list[Any]) -> str:
    """How many files are known, in a line."""
    out = {file.path for file in report.left_out}
    replaced = sum(file.path in out for file in known)
    counted = f"{len(known):,} files are" if len(known) > 1 else "1 file is"
    of_them = f", {replaced:,} of them replaced or withdrawn" if replaced else ""
    return f"{counted} known and unchanged{of_them} (-v lists them)"


def _is_plain(file: Any) -> bool:
    """Whether there is nothing to say of a staged file but its numbers."""
    return file.state == "current" and not file.message


def _only_shares_no_call(file: Any) -> bool:
    """Whether all that is to say of a staged file is that it stands beside others of its name."""
    return file.state == "current" and file.message.startswith("shares no call") and ";" not in file.message


def _print_by_kind(files: list[Any]) -> None:
    rows = []
    for kind in sorted({str(file.kind) for file in files}):
        of_kind = [file for file in files if str(file.kind) == kind]
        days = [file.file_date for file in of_kind if file.file_date]
        span = f"{min(days)} to {max(days)}" if days else ""
        counts = [sum(getattr(file, name) for file in of_kind) for name in ("records", "staged", "rejected")]
        rows.append([kind, len(of_kind), span, *counts])
    if rows:
        output.print_table(("kind", "files", "file_dates", "records", "staged", "rejected"), rows)


@click.command()
@stage_options
@click.option("--dry-run", is_flag=True, help="Read and check everything, change nothing.")
def stage(
    as_json: bool, quiet: bool, verbose: bool, database: Path, wait: float, dry_run: bool, **options: Any
) -> int:
    """Stages files, folders (with all below them), globs and s3://bucket/prefix/, plain, .gz, .zst or .zip.

    Example: cdr stage inbox/ 'archive/2026-11-*.csv.gz' --wait 60
    """
    quiet = quiet or as_json
    if dry_run:
        report = _stage(quiet=quiet, database=database, wait=wait, dry_run=True, **options)
    else:
        with exclusive(database, wait, creates=True) as deadline:
            report = _stage(quiet=quiet, database=database, wait=deadline.left, **options)
    if as_json:
        output.print_json(_staged_document(report))
    _print_staged(report, quiet, verbose, dry_run)
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
        output.print_error(f"cdr: {result.still_shown}")


@click.command(context_settings={"ignore_unknown_options": True})
@wait_option
@common_options
@click.argument("dbt_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[DBT ARGS]...")
def build(database: Path, as_json: bool, quiet: bool, wait: float, dbt_arguments: tuple[str, ...]) -> int:
    """Builds and tests the tables: `dbt build` with this project and its profiles.

    All other arguments are dbt's own.

    Example: cdr build --select +mart_cost_daily --full-refresh
    """
    from loader.builds import build as dbt_build
    from loader.operations import compact
    from loader.paths import project_root

    for warning in dbt_build.unknown_variables(project_root(), dbt_arguments):
        output.print_error(f"cdr: {warning}")
    with exclusive(database, wait, creates=True) as deadline, dbt_build.full_disk_told(database):
        result = dbt_build.build(
            database, dbt_arguments, quiet=quiet or as_json, stdout_to_stderr=as_json, wait=deadline.left
        )
        if {"--full-refresh", "-f"} & set(dbt_arguments) and compact.is_worth_it(database):
            freed = compact.compact(database, _GRACE_SECONDS)
            if not (quiet or as_json):
                output.print_line(_compacted(freed))
    if as_json:
        output.print_json(_built_document(result))
    _say_what_is_still_shown(result)
    return result.exit_code


def _compacted(freed: Any) -> str:
    before, after = freed.bytes_before / 2**20, freed.bytes_after / 2**20
    return f"database compacted from {before:,.1f} to {after:,.1f} MiB"


@click.command()
@stage_options
@click.option(
    "--publish",
    "published",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="At the end, write the marts alone to OUT, as `cdr publish` does.",
)
def run(
    database: Path,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    wait: float,
    published: Path | None,
    **options: Any,
) -> int:
    """The daily job: stages, then builds and tests the tables, then sums up.

    It builds also when some files failed or had rejects. Unit tests are left out: they test SQL, not data.
    Where nothing is new since the last run, nothing is built; where only files are new, the project's own
    seeds with their tests, and its views, are left out.

    Example: cdr run inbox/ --wait 600
    """
    silent = quiet or as_json
    begun = time.monotonic()
    with exclusive(database, wait, creates=True) as deadline:
        report = _stage(database=database, quiet=silent, wait=deadline.left, **options)
        _print_staged(report, silent, verbose)
        staged_in = time.monotonic() - begun
        result, up_to_date, problem, unpublished = None, False, None, None
        if report.exit_code < 2:
            wait_for = max(deadline.left, _GRACE_SECONDS)
            try:
                result, up_to_date = _build_what_is_due(database, silent, as_json, wait_for)
            except CdrError as error:
                # Something may be staged: so it is not true that nothing was done.
                problem = str(error)
            except KeyboardInterrupt:
                message = "interrupted while building; the files are staged: `cdr build` does the rest"
                output.print_error(f"cdr: {message}")
                return 130
        code = max(report.exit_code, result.exit_code if result else 0, 1 if problem else 0)
        # Nothing new is nothing to publish, but where there is no publication yet.
        due = result is not None or (up_to_date and published is not None and not published.exists())
        if published is not None and due and not problem:
            from loader.builds.hiding import require_hidden
            from loader.operations.publish import publish as publish_marts

            try:
                require_hidden(database, max(deadline.left, _GRACE_SECONDS))
            except CdrError as error:
                code, unpublished = max(code, 1), str(error)
            else:
                publish_marts(database, published, wait=max(deadline.left, _GRACE_SECONDS))
        summary = None
        if not problem and report.exit_code < 2:
            from loader.report.summary import summarise

            summary = summarise(database)
    if problem:
        output.print_error(f"cdr: {problem}")
    for node in result.with_status("error", "fail", "runtime error") if result else ():
        reason = " ".join(str(node["message"]).split())[:300]
        output.print_error(f"cdr: {node['label']}: {reason}; see {_log_file(database)}")
    if as_json:
        document = {
            "stage": _staged_document(report),
            "build": _built_document(result) if result else None,
            "up_to_date": up_to_date,
            "summary": asdict(summary) if summary else None,
            "exit_code": code,
        }
        failed = problem or unpublished
        output.print_json(document | ({"error": failed} if failed else {}))
    elif not quiet and report.exit_code < 2:
        warnings = _warnings(result, database) if result else []
        _print_summary(report, result, problem, warnings, summary, staged_in, time.monotonic() - begun)
    if unpublished:
        output.print_error(f"cdr: {unpublished}")
    elif result:
        _say_what_is_still_shown(result)
    return int(code)


def _build_what_is_due(database: Path, silent: bool, as_json: bool, wait: float) -> tuple[Any, bool]:
    """The build, and whether there was nothing to do."""
    from loader.builds.build import full_disk_told

    with full_disk_told(database):
        return _built_where_due(database, silent, as_json, wait)


def _built_where_due(database: Path, silent: bool, as_json: bool, wait: float) -> tuple[Any, bool]:
    from loader.builds import fingerprint
    from loader.paths import PROJECT_NAME, project_root

    root = project_root()
    due = fingerprint.what_is_due(database, root, wait)
    if due is fingerprint.Due.NOTHING:
        return None, True
    from loader.builds import build as dbt_build

    left_out = ["--exclude-resource-type", "unit_test"]
    if due is fingerprint.Due.DELIVERIES:
        # This project's seeds, the tests beside them, and views, by name: a team's own may read the calendar.
        own = [f"package:{PROJECT_NAME},{chosen}" for chosen in ("path:seeds", "config.materialized:view")]
        left_out += ["--indirect-selection", "empty", "--exclude", *own, "tag:constant"]
    with output.progress_bar("building", visible=not silent) as progress:
        result = dbt_build.build(
            database,
            tuple(left_out),
            quiet=True,
            stdout_to_stderr=as_json,
            wait=wait,
            progress=progress,
            keeps_manifest=due is fingerprint.Due.DELIVERIES,
        )
    if result.exit_code == 0:
        fingerprint.remember(database, root, wait)
    return result, False


def _files_fact(report: Any) -> str:
    """Every file that was looked at, by what became of it; those without a record among the new ones."""
    counts = Counter("known" if file.state == "skipped" else str(file.state) for file in report.files)
    new = [file for file in report.files if file.state == "current"]
    empty = sum(not file.records for file in new)
    parts = [f"{len(new):,} new" + (f" ({empty:,} without records)" if empty else "")]
    parts += [f"{counts[state]:,} {state}" for state in ("known", "failed")]
    others = sorted(set(counts) - {"current", "known", "failed"})
    parts += [f"{counts[state]:,} {state}" for state in others]
    return ", ".join([*parts, f"{sum(file.rejected for file in new):,} records rejected"])


def _print_summary(
    report: Any,
    result: Any,
    problem: str | None,
    warnings: list[str],
    summary: Any,
    staged_in: float,
    total: float,
) -> None:
    say = _fact
    output.print_line()
    say("files", _files_fact(report))
    if summary is not None:
        if summary.report_date is None:
            say("newest day", "none is complete yet; see marts.mart_report_dates")
        else:
            kinds = [f"{kind.call_type} {_percent(kind.asr)}" for kind in summary.kinds]
            ratios = f"; ASR: {', '.join(kinds)}" if kinds else ""
            say(str(summary.report_date), f"{summary.calls:,} calls, {summary.answers:,} answers{ratios}")
        for spend in summary.spend:
            change = spend.change_pct
            against = f" ({change:+.1f} % on the day before)" if change is not None else ""
            say("spend", f"{spend.currency} {spend.amount:,.2f}{against}")
        if summary.missing_days:
            say(
                "missing",
                f"{summary.missing_days:,} files of a day and kind; see marts.mart_feed_completeness",
            )
        for found in summary.feed:
            say("feed", found.sentence)
        if summary.unreadable_values:
            say(
                "unreadable",
                f"{summary.unreadable_values:,} values; see mart_feed_invalid_fields",
            )
        for status, words in (("silent", "silent"), ("short_history", "in their form for short histories")):
            waiting = [rule for rule in summary.waiting_rules if rule.status == status]
            if waiting:
                names = ", ".join(f"{rule.rule} (of {rule.days_needed})" for rule in waiting)
                say("rules", f"{words}, days of history {waiting[0].days_of_history}: {names}")
    for warning in warnings:
        say("warning", warning)
    skipped = len(result.with_status("skipped")) if result else 0
    if skipped:
        say("skipped", f"{skipped:,} models and tests behind what failed")
    built = "nothing new, nothing built" if result is None else f"build {total - staged_in:.1f} s"
    if problem:
        built = "not built"
        new = sum(file.state == "current" for file in report.files)
        staged = f"{new:,} {'files are' if new > 1 else 'file is'} staged, " if new else ""
        say("not built", f"{staged}the tables are as they were: {problem}")
    say("time", f"stage {staged_in:.1f} s, {built}")


def _percent(ratio: float | None) -> str:
    return "unknown" if ratio is None else f"{100 * ratio:.1f} %"


def _fact(name: str, text: str) -> None:
    for line in output.wrapped(output.shown(f"{name:<11} {text}"), sys.stdout, 12).split("\n"):
        output.print_line(line)


def _warnings(result: Any, database: Path) -> list[str]:
    """What the tests found, in words; of tests that have none, their name and what they count."""
    without_words = [node for node in result.with_status("warn") if not node["has_words"]]
    log = _log_file(database)
    counted = [f"{node['label']}: {node['failures']} records; see {log}" for node in without_words]
    return [*result.findings, *counted]


def _log_file(database: Path) -> Path:
    from loader.builds.build import log_file

    return log_file(database)


@click.command()
@click.option(
    "--max-age",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Exit with 1 when the newest day is older than so many days, or tables are behind staged files.",
)
@wait_option
@common_options
def status(database: Path, as_json: bool, quiet: bool, wait: float, max_age: int | None) -> int:
    """Shows what is in the database: newest and missing days, rejects, the last build, versions, size.

    Example: cdr status --max-age 2
    """
    from loader.operations.status import status as read_status

    found = read_status(database, wait)
    too_old = max_age is not None and (found.age_days is None or found.age_days > max_age)
    behind = _behind(found)
    code = int(too_old or (max_age is not None and behind is not None))
    if as_json:
        output.print_json({**asdict(found), "exit_code": code})
    elif not quiet:
        _print_status(found)
    if too_old:
        newest = f"the newest day is {found.newest_day}" if found.newest_day else "no day is there"
        output.print_error(f"cdr: {newest}, older than {max_age} days; deliver what is missing")
    if code and behind:
        output.print_error(f"cdr: {behind}")
    return code


def _behind(found: Any) -> str | None:
    """What the tables do not follow yet, and what to do."""
    number, unit = (found.files_behind, "file") if found.files_behind else (found.days_behind, "day")
    if not number:
        return None
    return f"tables are behind {number:,} {unit}{'s' if number > 1 else ''}; run `cdr build`"


def _print_status(found: Any) -> None:
    say: Callable[[str, str], None] = _fact
    say("database", output.fitting(str(found.database), sys.stdout, 12))
    say("size", f"{found.blocks.bytes / 2**20:,.1f} MiB, {_free(found.blocks)}")
    for kind in found.kinds:
        if not kind.files:
            continue
        missing = f", {len(kind.missing_days)} days missing" if kind.missing_days else ""
        output.print_line(
            f"  {kind.kind:<17} {kind.first_day} to {kind.newest_day}, {kind.files:,} files, "
            f"{kind.records:,} records{missing}"
        )
    if found.newest_complete_day:
        say("complete", f"up to the report date {found.newest_complete_day}")
    for finding in found.feed:
        say("feed", finding.sentence)
    say("rejects", f"{found.open_rejects:,} records of current files (`cdr rejects`)")
    if found.failed_files:
        say("failed", f"{found.failed_files:,} files (`cdr files --state failed`)")
    last = found.last_build
    if last is None:
        say("build", "none yet; `cdr build`")
    else:
        ended = "passed" if last.success else f"FAILED: {', '.join(last.failed[:5])}"
        warned = f", {last.warned} warnings" if last.warned else ""
        say("build", f"{last.ended_at:%Y-%m-%d %H:%M} UTC, dbt {last.command} {ended}{warned}")
    if behind := _behind(found):
        say("behind", behind)
    say("versions", ", ".join(f"{name} {number}" for name, number in found.versions.items()))


def _free(blocks: Any) -> str:
    share = f"{100 * blocks.free_share:.0f} % free"
    return f"{share}; `cdr compact` gives it back" if blocks.free_share > 1 / 3 else share
