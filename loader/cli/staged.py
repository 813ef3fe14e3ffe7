"""What became of deliveries, as a JSON document or for people."""

from typing import TYPE_CHECKING

from loader.cli import output
from loader.cli.output import STAGED_COLUMNS
from loader.text import counted

if TYPE_CHECKING:
    from loader.database.manifest import File
    from loader.staging.stage import Report

# More files than this are listed as one line per kind and state, unless -v asks for all.
_LISTED_FILES = 20
_STATES = ("current", "duplicate", "failed", "skipped", "ignored")


def document(report: "Report") -> dict[str, object]:
    """The report as JSON has it."""
    files = [{name: getattr(file, name) for name in (*STAGED_COLUMNS, "path")} for file in report.files]
    for file in files:
        file["file_id"] = file["file_id"] or None
    totals = {name: sum(file[name] for file in files) for name in ("records", "staged", "rejected")}
    counts = {state: sum(file["state"] == state for file in files) for state in _STATES}
    return {
        "files": files,
        "totals": {"files": len(files), **totals, **counts},
        "exit_code": report.exit_code,
    }


def print_report(report: "Report", *, quiet: bool, verbose: bool, dry_run: bool = False) -> None:
    """Print what became of the files; what failed, also when quiet, on stderr."""
    if not quiet and report.files:
        _print_files(report, verbose)
    elif not quiet:
        output.print_error("no files found")
    for file in report.files:
        if file.state == "failed":
            output.print_error(f"cdr: {file.path}: {file.message}")
    ignored = sum(file.state == "ignored" for file in report.files)
    if ignored and not quiet:
        hint = "" if verbose else "; -v lists them with the reason"
        output.print_error(f"{counted(ignored, 'file')} ignored{hint}")
    named = {file.path for file in report.named}
    left_out = [file for file in report.left_out if file.path in named]
    for file in left_out[:_LISTED_FILES]:
        output.print_error(f"cdr: {file.path}: not staged: {file.message}")
    if len(left_out) > _LISTED_FILES:
        output.print_error(
            f"cdr: {len(left_out) - _LISTED_FILES:,} more are not staged; -v lists the reasons"
        )
    for change in filter(lambda one: one.is_shrunk, report.superseding):
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


def _print_files(report: "Report", verbose: bool) -> None:
    # Known files that the paths name are listed, unless they are a whole inbox.
    named = report.named if len(report.named) <= _LISTED_FILES else []
    shown = {file.path for file in named} - {file.path for file in report.left_out}
    known = [file for file in report.files if file.state == "skipped" and file.path not in shown]
    # Failed files have a line of their own.
    hidden = {"failed"} if verbose else {"failed", "skipped", "ignored"}
    listed = [file for file in report.files if file.state not in hidden or file.path in shown]
    if len(listed) > _LISTED_FILES and not verbose:
        unrelated = [file for file in listed if _only_shares_no_call(file)]
        plain = [file for file in listed if file.state == "current" and not file.message]
        if len(unrelated) > _LISTED_FILES:
            plain += unrelated
        _print_by_kind(plain)
        summed = {file.path for file in plain}
        listed = [file for file in listed if file.path not in summed]
        if len(unrelated) > _LISTED_FILES:
            output.print_line(
                f"{len(unrelated):,} of them share no call with others of their name, kind and day, so all "
                "count (-v lists them)"
            )
    if listed:
        rows = [[getattr(file, name) for name in STAGED_COLUMNS[1:]] for file in listed]
        output.print_table(STAGED_COLUMNS[1:], rows, optional=("file_date", "message"))
    if known and not verbose:
        output.print_line(_known(report, known))


def _known(report: "Report", known: list["File"]) -> str:
    out = {file.path for file in report.left_out}
    replaced = sum(file.path in out for file in known)
    verb = "are" if len(known) > 1 else "is"
    of_them = f", {replaced:,} of them replaced or withdrawn" if replaced else ""
    return f"{counted(len(known), 'file')} {verb} known and unchanged{of_them} (-v lists them)"


def _only_shares_no_call(file: "File") -> bool:
    """Whether the message of a staged file is only that it counts besides others of its name."""
    return file.state == "current" and file.message.startswith("shares no call") and ";" not in file.message


def _print_by_kind(files: list["File"]) -> None:
    rows = []
    for kind in sorted({str(file.kind) for file in files}):
        of_kind = [file for file in files if str(file.kind) == kind]
        days = [file.file_date for file in of_kind if file.file_date]
        span = f"{min(days)} to {max(days)}" if days else ""
        counts = [sum(getattr(file, name) for file in of_kind) for name in ("records", "staged", "rejected")]
        rows.append([kind, len(of_kind), span, *counts])
    if rows:
        output.print_table(("kind", "files", "file_dates", "records", "staged", "rejected"), rows)
