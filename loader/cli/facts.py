"""Facts for people, a name and a text each: the summary of the daily job, the state of a database."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from loader.cli import output
from loader.text import counted

if TYPE_CHECKING:
    from loader.builds.build import Build
    from loader.database.space import Blocks
    from loader.operations.status import Status
    from loader.report.summary import Summary
    from loader.staging.stage import Report

_INDENT = 12


def print_summary(
    staged: "Report",
    built: "Build | None",
    problem: str | None,
    warnings: Sequence[str],
    summary: "Summary | None",
    *,
    staged_in: float,
    built_in: float,
) -> None:
    """Print what `cdr run` did, and the figures of the newest complete day."""
    output.print_line()
    _print("files", _files(staged))
    if summary is not None:
        _print_day(summary)
        _print_gaps(summary)
    for warning in warnings:
        _print("warning", warning)
    if built and (skipped := len(built.with_status("skipped"))):
        _print("skipped", f"{skipped:,} models and tests behind what failed")
    build = "nothing new, nothing built" if built is None else f"build {built_in:.1f} s"
    if problem:
        build = "not built"
        new = sum(file.state == "current" for file in staged.files)
        verb = "are" if new > 1 else "is"
        already = f"{counted(new, 'file')} {verb} staged, " if new else ""
        _print("not built", f"{already}the tables are as they were: {problem}")
    _print("time", f"stage {staged_in:.1f} s, {build}")


def print_status(found: "Status") -> None:
    """Print the state of a database."""
    _print("database", output.fitting(str(found.database), sys.stdout, _INDENT))
    _print("size", f"{found.blocks.bytes / 2**20:,.1f} MiB, {_free(found.blocks)}")
    for kind in found.kinds:
        if kind.files:
            missing = f", {counted(len(kind.missing_days), 'day')} missing" if kind.missing_days else ""
            output.print_line(
                f"  {kind.kind:<17} {kind.first_day} to {kind.newest_day}, {counted(kind.files, 'file')}, "
                f"{counted(kind.records, 'record')}{missing}"
            )
    if found.newest_complete_day:
        _print("complete", f"up to the report date {found.newest_complete_day}")
    for finding in found.feed:
        _print("feed", finding.sentence)
    _print("rejects", f"{counted(found.open_rejects, 'record')} of current files (`cdr rejects`)")
    if found.failed_files:
        _print("failed", f"{counted(found.failed_files, 'file')} (`cdr files --state failed`)")
    if (last := found.last_build) is None:
        _print("build", "none yet; `cdr build`")
    else:
        ended = "passed" if last.success else f"FAILED: {', '.join(last.failed[:5])}"
        warned = f", {counted(last.warned, 'warning')}" if last.warned else ""
        _print("build", f"{last.ended_at:%Y-%m-%d %H:%M} UTC, dbt {last.command} {ended}{warned}")
    if text := behind(found):
        _print("behind", text)
    _print("versions", ", ".join(f"{name} {number}" for name, number in found.versions.items()))


def behind(found: "Status") -> str | None:
    """What the tables do not follow yet, and what to do."""
    number, unit = (found.files_behind, "file") if found.files_behind else (found.days_behind, "day")
    return f"tables are behind {counted(number, unit)}; run `cdr build`" if number else None


def _print(name: str, text: str) -> None:
    output.print_line(f"{name:<11} {text}", _INDENT)


def _files(staged: "Report") -> str:
    """Every file that was looked at, by what became of it; those without a record among the new ones."""
    counts = Counter("known" if file.state == "skipped" else str(file.state) for file in staged.files)
    new = [file for file in staged.files if file.state == "current"]
    empty = sum(not file.records for file in new)
    parts = [f"{len(new):,} new" + (f" ({empty:,} without records)" if empty else "")]
    others = sorted(set(counts) - {"current", "known", "failed"})
    parts += [f"{counts[state]:,} {state}" for state in ("known", "failed", *others)]
    return ", ".join([*parts, f"{counted(sum(file.rejected for file in new), 'record')} rejected"])


def _print_day(summary: "Summary") -> None:
    if summary.report_date is None:
        _print("newest day", "none is complete yet; see marts.mart_report_dates")
    else:
        kinds = [f"{kind.call_type} {_percent(kind.asr)}" for kind in summary.kinds]
        ratios = f"; ASR: {', '.join(kinds)}" if kinds else ""
        figures = f"{counted(summary.calls, 'call')}, {counted(summary.answers, 'answer')}"
        _print(str(summary.report_date), figures + ratios)
    for spend in summary.spend:
        change = spend.change_pct
        against = f" ({change:+.1f} % on the day before)" if change is not None else ""
        _print("spend", f"{spend.currency} {spend.amount:,.2f}{against}")


def _print_gaps(summary: "Summary") -> None:
    if summary.missing_days:
        missing = f"{counted(summary.missing_days, 'file')} of a day and kind"
        _print("missing", f"{missing}; see marts.mart_feed_completeness")
    for found in summary.feed:
        _print("feed", found.sentence)
    if summary.unreadable_values:
        _print("unreadable", f"{counted(summary.unreadable_values, 'value')}; see mart_feed_invalid_fields")
    for status, words in (("silent", "silent"), ("short_history", "in their form for short histories")):
        waiting = [rule for rule in summary.waiting_rules if rule.status == status]
        if waiting:
            names = ", ".join(f"{rule.rule} (of {rule.days_needed})" for rule in waiting)
            _print("rules", f"{words}, days of history {waiting[0].days_of_history}: {names}")


def _percent(ratio: float | None) -> str:
    return "unknown" if ratio is None else f"{100 * ratio:.1f} %"


def _free(blocks: "Blocks") -> str:
    from loader.operations.compact import is_worth_it

    share = f"{100 * blocks.free_share:.0f} % free"
    return f"{share}; `cdr compact` frees it" if is_worth_it(blocks) else share
