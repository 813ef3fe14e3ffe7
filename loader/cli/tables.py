"""Commands about the tables: verify, export, synth."""

from dataclasses import asdict
from datetime import date
from pathlib import Path

import click

from loader.cli import output
from loader.cli.options import DAY, as_date, common_options, output_options
from loader.errors import CdrError


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--days", type=click.IntRange(min=1), default=14, show_default=True, help="Days of deliveries.")
@click.option(
    "--calls-per-day", type=click.IntRange(min=0), default=5000, show_default=True, help="Calls a day."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option("--warts", is_flag=True, help="Add files with every irregularity that real ones may have.")
@click.option(
    "--end", type=DAY, callback=as_date, default="2026-11-22", show_default=True, help="The last day."
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


@click.command()
@common_options
def verify(database: Path, as_json: bool, quiet: bool) -> int:
    """Checks every conservation law and prints each with both its sides.

    The exit code is 1 if one fails. Laws over tables that are not built yet are shown as such.

    Example: cdr verify
    """
    from loader.database.connection import opened
    from loader.operations.verify import check_laws

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


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@common_options
def export(folder: Path, database: Path, as_json: bool, quiet: bool) -> int:
    """Writes the raw tables as partitioned Parquet for a distributed engine.

    Holds the records of current files, the manifest and the quarantine; writes only what changed.

    Example: cdr export /data/lake/sinch
    """
    from loader.database.connection import opened
    from loader.operations.export import export as export_tables

    with opened(database, "read") as connection:
        done = export_tables(connection, folder)
    if as_json:
        output.print_json({**asdict(done), "folder": str(folder), "exit_code": 0})
    elif not quiet:
        click.echo(f"{done.written} files written, {done.kept} unchanged, {done.removed} removed in {folder}")
    return 0
