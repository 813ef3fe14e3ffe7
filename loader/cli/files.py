"""Commands about delivered files: files, rejects, withdraw, purge."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.cli import output
from loader.cli.options import DAY, as_date, common_options, filter_options, wait_option, wide_option
from loader.cli.output import STAGED_COLUMNS
from loader.database.lock import exclusive
from loader.text import counted

if TYPE_CHECKING:
    from loader.operations.listing import Filter
    from loader.operations.purge import Proof, Purged

# As many files as a screen holds.
_NEWEST = 50


@click.command()
@filter_options
@click.option("--all", "everything", is_flag=True, help="List all files, not the newest 50 only.")
@wide_option
def files(database: Path, as_json: bool, quiet: bool, everything: bool, wide: bool, chosen: "Filter") -> int:
    """List the manifest: every delivered version of every file and what became of it.

    On a terminal the newest 50, elsewhere all.

    Example: cdr files --kind app_app --state superseded
    """
    from loader.database.connection import opened
    from loader.operations.listing import list_files

    with opened(database, "read") as connection:
        found = list_files(connection, chosen)
    if as_json:
        output.print_json({"files": [asdict(file) for file in found], "exit_code": 0})
    elif not quiet:
        shown = found if everything or not sys.stdout.isatty() else found[-_NEWEST:]
        if len(shown) < len(found):
            output.print_line(f"the newest {len(shown)} of {counted(len(found), 'file')}; --all lists all")
        columns = ("file_id", *STAGED_COLUMNS[1:], "loaded_at")
        rows = [[getattr(file, name) for name in columns] for file in shown]
        if rows:
            output.print_table(
                columns,
                rows,
                wide=wide,
                shortened={"message": 30, "file_name": 16},
                optional=("loaded_at", "message", "rejected"),
            )
        else:
            output.print_line("no such file; `cdr files` lists all")
    return 0


@click.command()
@filter_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Write the rejected lines of one file, under its header, to correct them and stage them again.",
)
@wide_option
def rejects(
    database: Path, as_json: bool, quiet: bool, out: Path | None, wide: bool, chosen: "Filter"
) -> int:
    """List the quarantine: the records that could not be staged, or be typed by the models, and why.

    Example: cdr rejects --file cdr_2026-11-22.csv --out to_correct.csv
    """
    from loader.database.connection import opened
    from loader.operations.listing import list_rejects, write_rejects

    with opened(database, "read") as connection:
        if out is not None:
            file, count = write_rejects(connection, chosen, out)
            if as_json:
                output.print_json(
                    {"file_id": file.file_id, "out": str(out), "rejects": count, "exit_code": 0}
                )
            elif not quiet:
                output.print_line(
                    f"{counted(count, 'rejected record')} of file {file.file_id} ({file.file_name}) in {out}"
                )
            return 0
        found = list(list_rejects(connection, chosen))
    if as_json:
        output.print_json({"rejects": [asdict(reject) for reject in found], "exit_code": 0})
    elif not quiet and found:
        columns = ("file_id", "file_name", "line", "stage", "reason_code", "detail", "raw")
        rows = [[getattr(reject, name) for name in columns] for reject in found]
        output.print_table(
            columns,
            rows,
            wide=wide,
            shortened={"file_name": 16, "detail": 32, "raw": 16},
            optional=("file_name", "stage", "raw"),
        )
    elif not quiet:
        output.print_line("nothing is rejected")
    return 0


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--undo", is_flag=True, help="Bring a withdrawn file back.")
@wait_option
@common_options
def withdraw(file: str, database: Path, as_json: bool, quiet: bool, undo: bool, wait: float) -> int:
    """Take a delivered file out of every table from the next build on.

    FILE is its id, its path, or its name where no other current file has that. What it superseded does not
    come back: withdraw the wrong one, then deliver the right one.

    Example: cdr withdraw 17
    """
    from loader.database.connection import opened
    from loader.operations.withdraw import restore, superseded_by, withdraw

    with (
        exclusive(database, wait) as deadline,
        opened(database, "write", deadline.left) as connection,
    ):
        changed = (restore if undo else withdraw)(connection, file)
        before = superseded_by(connection, changed)
    if as_json:
        output.print_json({"file": asdict(changed), "exit_code": 0})
    elif not quiet:
        output.print_line(
            f"file {changed.file_id} ({changed.file_name}) is {changed.state}; "
            "`cdr build` brings the tables up to date"
        )
        if before and not undo:
            ids = ", ".join(str(file.file_id) for file in before)
            files, stays, it = ("file", "stays", "it") if len(before) == 1 else ("files", "stay", "them")
            output.print_line(
                f"{files} {ids}, which it superseded, {stays} out; to bring {it} back, "
                f"deliver {it} again under its name or stage {it} with --again"
            )
    return 0


@click.command()
@click.option(
    "--before", type=DAY, callback=as_date, required=True, metavar="YYYY-MM-DD", help="Files of earlier days."
)
@click.option("--dry-run", is_flag=True, help="Only report what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask, on a terminal either.")
@click.option("--build", "with_build", is_flag=True, help="Build and erase what the tables drop, in one go.")
@click.option(
    "--yes-others",
    is_flag=True,
    help="With --build: exit with 0 even if tables of others may hold what was erased.",
)
@wait_option
@common_options
def purge(
    before: date,
    database: Path,
    as_json: bool,
    quiet: bool,
    dry_run: bool,
    yes: bool,
    with_build: bool,
    yes_others: bool,
    wait: float,
) -> int:
    """Erase raw and rejected records of old files for good and mark the files withdrawn.

    The next build takes them out of the tables, too; a purge after it erases from the file what the build
    dropped. --build does all three.

    Example: cdr purge --before 2025-11-22 --build
    """
    from loader.operations.purge import erase_everywhere
    from loader.operations.purge import purge as purge_files

    silent = quiet or as_json
    if not (yes or dry_run or as_json) and sys.stdin.isatty():
        click.confirm(
            f"Erase the records of all files before {before} from {database}?", abort=True, err=True
        )
    proof = None
    with _interrupted(before), exclusive(database, wait) as deadline:
        if with_build and not dry_run:
            with output.progress_bar("building", visible=not silent, first=output.READING) as progress:
                purged, proof = erase_everywhere(
                    database, before, wait=deadline.left, progress=progress, stdout_to_stderr=as_json
                )
        else:
            purged = purge_files(database, before, dry_run=dry_run, wait=deadline.left)
    code = 0 if proof is None or (proof.complete and (yes_others or not proof.not_ours)) else 1
    if as_json:
        document = {
            "files": [asdict(file) for file in purged.files],
            "records": purged.records,
            "rejects": purged.rejects,
            "failed_files": purged.failed,
            "undated_files": purged.undated,
            "dry_run": dry_run,
            "proof": asdict(proof) if proof else None,
            "exit_code": code,
        }
        output.print_json(document)
        return code
    if not quiet:
        _print_purged(purged, before, dry_run, is_last=proof is not None)
    if proof is not None:
        _print_proof(proof, quiet)
    return code


def _print_purged(purged: "Purged", before: date, dry_run: bool, *, is_last: bool) -> None:
    verb = "would be erased" if dry_run else "erased"
    output.print_line(
        f"{counted(purged.records, 'record')} and {counted(purged.rejects, 'reject')} of "
        f"{counted(len(purged.files), 'file')}, and the messages of {counted(purged.failed, 'failed file')} "
        f"{verb}"
    )
    if purged.undated:
        output.print_error(f"kept: {counted(purged.undated, 'file')} without a day; see `cdr files`")
    if is_last or dry_run:
        return
    if purged.in_tables:
        output.print_line(
            f"two commands remain: `cdr build` takes them out of the tables, then "
            f"`cdr purge --before {before}` erases what the tables held from the file"
        )
    else:
        output.print_line("none remain in the tables or in the file; nothing more to do")


def _print_proof(proof: "Proof", quiet: bool) -> None:
    if proof.not_ours:
        verb = "tables" if len(proof.not_ours) > 1 else "table"
        output.print_error(
            f"cdr: not ours: {len(proof.not_ours):,} {verb} may hold what was erased: "
            f"{', '.join(proof.not_ours)}; check and drop them, or give --yes-others"
        )
    if proof.leftovers:
        output.print_error(
            f"cdr: files beside the database may hold what was erased: {', '.join(proof.leftovers)}; "
            "wait for the commands that use them, then purge again"
        )
    if not (proof.complete and quiet):
        show = output.print_line if proof.complete else output.print_error
        verb = "remains" if proof.records == 1 else "remain"
        show(
            f"verified: {counted(proof.records, 'record')} {verb} in raw tables, "
            f"{counted(proof.calls, 'call')} in fact_calls, {counted(proof.rows, 'row')} in other tables, "
            f"{counted(proof.old_blocks, 'old block')} in the file; "
            "exports and publications made before must be made again or deleted"
        )


@contextmanager
def _interrupted(before: date) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        output.print_error(
            f"cdr: interrupted; `cdr verify` reports whether the erasure is unfinished, "
            f"`cdr purge --before {before}` completes it"
        )
        sys.exit(130)


@click.command()
@click.argument("subject", metavar="NUMBER_OR_USER_ID")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Write the records as delivered, with file and line.",
)
@click.option("--erase", is_flag=True, help="Redact the records for good, in every table and in the file.")
@click.option("--yes", is_flag=True, help="Do not ask, on a terminal either.")
@wait_option
@common_options
def subject(
    subject: str,
    database: Path,
    as_json: bool,
    quiet: bool,
    out: Path | None,
    erase: bool,
    yes: bool,
    wait: float,
) -> int:
    """Count one person's records, write them out or redact them.

    A redacted record keeps its times, durations, results, money and countries: sums stay as they are. The
    same record delivered again is redacted again.

    Example: cdr subject +46701234567 --out theirs.csv
    """
    from loader.database.connection import opened
    from loader.operations import subject as subjects

    person = subjects.Subject(subject)
    silent = quiet or as_json
    if erase and not (yes or as_json) and sys.stdin.isatty():
        click.confirm(f"Redact the records of this person in {database}?", abort=True, err=True)
    with opened(database, "read", wait) as connection:
        found = subjects.write_out(connection, person, out) if out else subjects.find(connection, person)
    erased = None
    if erase:
        with (
            exclusive(database, wait) as deadline,
            output.progress_bar("building", visible=not silent, first=output.READING) as progress,
        ):
            erased = subjects.erase(
                database, person, wait=deadline.left, progress=progress, stdout_to_stderr=as_json
            )
    code = 0 if erased is None or erased.complete else 1
    if as_json:
        proof = (
            None
            if erased is None
            else {name: value for name, value in asdict(erased).items() if name != "found"}
        )
        output.print_json(
            {**asdict(found), "out": str(out) if out else None, "proof": proof, "exit_code": code}
        )
        return code
    if not quiet:
        where = f" in {out}" if out else ""
        output.print_line(
            f"{counted(found.records, 'record')}, {found.mentions:,} that mention the person in other fields,"
            f" {counted(found.rejects, 'rejected line')}{where}"
        )
    if erased is not None and not (quiet and erased.complete):
        show = output.print_line if erased.complete else output.print_error
        show(
            f"verified: {counted(erased.left, 'field')} of all tables name the person, "
            f"{counted(erased.old_blocks, 'block')} of the file may hold old content"
            + ("" if erased.complete else "; run it again, and `cdr build` if a build failed")
        )
    return code
