"""Commands about delivered files: files, rejects, withdraw, purge."""

import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click

from loader.cli import output
from loader.cli.options import DAY, as_date, common_options, filter_options, wait_option
from loader.cli.output import STAGED_COLUMNS


@click.command()
@filter_options
def files(database: Path, as_json: bool, quiet: bool, **chosen: Any) -> int:
    """Lists the manifest: every delivered version of every file and what became of it.

    Example: cdr files --kind app_app --state superseded
    """
    from loader.database.connection import opened
    from loader.operations.listing import Filter, list_files

    with opened(database, "read") as connection:
        found = list_files(connection, Filter(**chosen))
    if as_json:
        output.print_json({"files": [asdict(file) for file in found], "exit_code": 0})
    elif not quiet:
        columns = ("file_id", *STAGED_COLUMNS[1:], "loaded_at")
        output.print_table(columns, [[getattr(file, name) for name in columns] for file in found])
    return 0


@click.command()
@filter_options
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
    from loader.database.connection import opened
    from loader.operations.listing import Filter, list_rejects, write_rejects

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


@click.command()
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
    from loader.database.connection import opened
    from loader.operations.withdraw import restore, withdraw

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


@click.command()
@click.option(
    "--before", type=DAY, callback=as_date, required=True, metavar="YYYY-MM-DD", help="Files of earlier days."
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
    from loader.operations.purge import purge as purge_files

    if not (yes or dry_run or as_json) and sys.stdin.isatty():
        click.confirm(
            f"Erase the records of all files before {before} from {database}?", abort=True, err=True
        )
    purged = purge_files(database, before, dry_run=dry_run, wait=wait)
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
