"""Commands about the tables, and what starts a project: synth, init."""

from dataclasses import asdict
from datetime import date
from pathlib import Path

import click

from loader.cli import output
from loader.cli.options import (
    DAY,
    allow_shown_option,
    as_date,
    common_options,
    output_options,
    wait_option,
)
from loader.database.lock import exclusive
from loader.errors import CdrError
from loader.text import counted


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--days", type=click.IntRange(min=1), default=14, show_default=True, help="Days of deliveries.")
@click.option(
    "--calls-per-day", type=click.IntRange(min=0), default=5000, show_default=True, help="Calls a day."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option("--warts", is_flag=True, help="Add a file for each irregularity that real ones may have.")
@click.option(
    "--planted",
    is_flag=True,
    help="Add calls of known cases, their list, and the rate card and invoices that they are judged by.",
)
@click.option(
    "--end",
    type=DAY,
    callback=as_date,
    default="2026-11-22",
    show_default=True,
    metavar="YYYY-MM-DD",
    help="The last day.",
)
@output_options
def synth(
    out: Path,
    days: int,
    calls_per_day: int,
    seed: int,
    warts: bool,
    planted: bool,
    end: date,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write realistic synthetic deliveries of all four kinds into the folder OUT.

    Example: cdr synth demo/ --days 14 --calls-per-day 5000 --seed 1 --warts
    """
    from loader.synth import synthesise

    try:
        files = synthesise(out, days, calls_per_day, seed, warts=warts, end=end, plants=planted)
    except OSError as error:
        raise CdrError(f"cannot write into {out} ({error.strerror}); name another folder") from error
    if as_json:
        output.print_json({"files": [str(file) for file in files], "exit_code": 0})
    elif not quiet:
        output.print_line(f"{counted(len(files), 'file')} in {out}")
    return 0


_RESULT = {True: "ok", False: "FAILS", None: "-"}


@click.command()
@common_options
def verify(database: Path, as_json: bool, quiet: bool) -> int:
    """Check every conservation law and print each with its two sides.

    The exit code is 1 if one fails. A law over a table that is not built yet has the result `-`.

    Example: cdr verify
    """
    from loader.database.connection import opened
    from loader.database.workspace import remove_leftovers
    from loader.operations.verify import check_laws

    removed = remove_leftovers(database)
    with opened(database, "read") as connection:
        laws = check_laws(connection, removed)
    code = int(any(law.ok is False for law in laws))
    if as_json:
        output.print_json({"laws": [asdict(law) for law in laws], "exit_code": code})
        return code
    if not quiet:
        output.print_table(
            ("law", "left", "right", "result", "detail"),
            [(law.law, law.left, law.right, _RESULT[law.ok], law.detail) for law in laws],
            shortened={"detail": 16, "law": 16},
        )
    for law in laws:
        if law.ok is False:
            output.print_error(
                f"cdr: {law.law}: {law.left} and {law.right} differ; {law.detail or 'run `cdr build`'}"
            )
    return code


@click.command()
@click.argument("place", metavar="DIR")
@common_options
def export(place: str, database: Path, as_json: bool, quiet: bool) -> int:
    """Write the raw tables as partitioned Parquet for a distributed engine.

    The records of current files, the manifest and the quarantine; only what changed is written. DIR may be
    s3://bucket/prefix/, gs:// or az://, with the optional group `cloud`.

    Example: cdr export /data/lake/sinch
    """
    from loader.operations.export import export as export_tables

    done = export_tables(database, place)
    if as_json:
        output.print_json({**asdict(done), "folder": place, "exit_code": 0})
    elif not quiet:
        others = f"{done.kept:,} unchanged, {done.removed:,} removed"
        output.print_line(f"{counted(done.written, 'file')} written, {others} in {place}")
    return 0


@click.command()
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--pii-mode",
    type=click.Choice(["masked", "hashed"]),
    help="Mask or hash personal data in what is published, also where the database shows it.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["duckdb", "parquet", "csv"]),
    help="One DuckDB file, or a folder with a file for each table. By default Parquet where OUT is a folder, "
    "otherwise DuckDB. CSV is UTF-8 for spreadsheets: a text that would start a formula gets an apostrophe.",
)
@click.option("--bom", "with_bom", is_flag=True, help="Begin CSV files with a byte order mark.")
@allow_shown_option
@wait_option
@common_options
def publish(
    out: Path,
    pii_mode: str | None,
    file_format: str | None,
    with_bom: bool,
    allow_shown: bool,
    database: Path,
    as_json: bool,
    quiet: bool,
    wait: float,
) -> int:
    """Write the marts and dimensions alone as one DuckDB file, or as Parquet or CSV files into a folder.

    One rename puts it in OUT's place, so that readers never see half of it. It contains no raw records.

    Example: cdr publish /srv/tables/calls.duckdb --pii-mode masked
    """
    from loader.builds.hiding import require_hidden
    from loader.operations.publish import publish as publish_marts

    def mask(copy: Path) -> None:
        from loader.builds.build import build as dbt_build
        from loader.builds.build import log_file

        log = log_file(database)
        # dbt's log outlives the copy: the message below names it.
        folders = ("--target-path", str(copy.parent / "target"), "--log-path", str(log.parent.absolute()))
        built = dbt_build(
            copy,
            ("--vars", f"pii_mode: {pii_mode}", *folders),
            quiet=True,
            stdout_to_stderr=True,
            command="run",
            progress=progress,
        )
        if built.exit_code:
            raise CdrError(f"the marts could not be built {pii_mode}; nothing is published, see {log}")

    if with_bom and file_format != "csv":
        raise click.UsageError("--bom is for --format csv")
    silent = quiet or as_json
    with (
        exclusive(database, wait) as deadline,
        output.progress_bar(
            f"building the marts {pii_mode}" if pii_mode else "publishing",
            visible=not silent,
            first="copying the database, reading the project" if pii_mode else "copying the marts",
        ) as progress,
    ):
        if not (pii_mode or allow_shown):
            require_hidden(database, deadline.left)
        done = publish_marts(
            database,
            out,
            wait=deadline.left,
            mask=mask if pii_mode else None,
            file_format=file_format,
            with_bom=with_bom,
        )
    if as_json:
        output.print_json({"out": str(done.out), "tables": done.tables, "exit_code": 0})
    elif not quiet:
        output.print_line(
            f"{counted(len(done.tables), 'table')}, {counted(sum(done.tables.values()), 'row')} in {out}"
        )
        if pii_mode:
            output.print_line(f"rows of values that are equal once {pii_mode} are one row, with their sums")
    return 0


@click.command()
@click.argument("out", metavar="OUT.html", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--from", "first", type=DAY, callback=as_date, metavar="YYYY-MM-DD", help="The first day.")
@click.option("--to", "last", type=DAY, callback=as_date, metavar="YYYY-MM-DD", help="The last day.")
@click.option("--application", metavar="KEY", help="Only this application: its key or name.")
@click.option("--currency", metavar="CODE", help="Only charges in this currency, not converted.")
@allow_shown_option
@wait_option
@common_options
def report(
    out: Path,
    first: date | None,
    last: date | None,
    application: str | None,
    currency: str | None,
    allow_shown: bool,
    database: Path,
    as_json: bool,
    quiet: bool,
    wait: float,
) -> int:
    """Write one page of the marts that opens in any browser without network access.

    By default about the last thirty days, from the first that has calls, with amounts converted into the
    reporting currency. Needs the optional group `report`:
    pip install 'cdr-tables[report]'

    Example: cdr report calls.html --from 2026-11-01 --to 2026-11-22
    """
    from loader.builds.hiding import require_hidden
    from loader.report.page import write_report

    if not allow_shown:
        require_hidden(database, wait)
    scope = write_report(database, out, first, last, application, currency, wait)
    size = out.stat().st_size
    if as_json:
        output.print_json(
            {"out": str(out), "from": scope.first, "to": scope.last, "bytes": size, "exit_code": 0}
        )
    elif not quiet:
        output.print_line(f"{scope.first} to {scope.last} in {out} ({size / 1024:,.0f} KB)")
    return 0


@click.command()
@wait_option
@common_options
def compact(database: Path, as_json: bool, quiet: bool, wait: float) -> int:
    """Rewrite the database without its free blocks; needs disk space for a copy.

    Example: cdr compact
    """
    from loader.operations.compact import compact as compact_database

    with exclusive(database, wait) as deadline:
        done = compact_database(database, deadline.left)
    if as_json:
        output.print_json({**asdict(done), "exit_code": 0})
    elif not quiet:
        before, after = done.bytes_before / 2**20, done.bytes_after / 2**20
        output.print_line(f"{database}: {before:,.1f} MiB before, {after:,.1f} MiB now")
    return 0


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@output_options
def init(folder: Path, as_json: bool, quiet: bool) -> int:
    """Create a team's own dbt project on top of this one: own seeds, settings, an example mart, CI.

    Example: cdr init our-calls
    """
    from loader.operations.init import init as init_project

    done = init_project(folder)
    if as_json:
        output.print_json(
            {
                "folder": str(done.folder),
                "files": [str(file) for file in done.files],
                "package": str(done.package),
                "exit_code": 0,
            }
        )
    elif not quiet:
        output.print_line(f"{counted(len(done.files), 'file')} in {folder}, on top of {done.package}")
        output.print_line(f"next: cd {folder} && cdr run PATH-TO-DELIVERIES")
    return 0
