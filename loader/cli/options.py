"""Options that several commands share."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from loader.database.manifest import State
from loader.feeds import KINDS
from loader.paths import database_path

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _options(*decorators: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def apply(command: _Command) -> _Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


def _database(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Path:
    return database_path(value)


def as_date(_context: click.Context, _parameter: click.Parameter, value: datetime | None) -> date | None:
    """The day of a date option."""
    return value.date() if value else None


class _Day(click.DateTime):
    """A day as YYYY-MM-DD; what is no such day is refused with an example."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is no day; write YYYY-MM-DD, for example 2026-11-22.", param, ctx)


DAY = _Day()

_STATE = click.Choice([state.value for state in State])
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

allow_shown_option = click.option(
    "--allow-shown",
    is_flag=True,
    help="Write also what the last build was to mask or hash and could not.",
)

wide_option = click.option(
    "--wide", is_flag=True, help="Show every column whole, however wide the terminal is."
)

stage_options = _options(
    click.argument("paths", nargs=-1, required=True, metavar="PATH..."),
    click.option("--kind", type=_KIND, help="What files without a header hold."),
    click.option(
        "--file-date", type=DAY, callback=as_date, metavar="YYYY-MM-DD", help="The UTC day the files cover."
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
    click.option(
        "--max-rejected-records",
        type=click.IntRange(min=0),
        default=1_000_000,
        metavar="N",
        show_default=True,
        help="Fail a file whole when more of its records are rejected.",
    ),
    click.option(
        "--again",
        is_flag=True,
        help="Read every file, known or not, as if delivered again: replaced content becomes current.",
    ),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        help="List every file: known ones too, and what was ignored, and why.",
    ),
    wait_option,
    common_options,
)

filter_options = _options(
    click.option("--file", "file", metavar="FILE", help="Only this file: its id, name or path."),
    click.option("--kind", type=_KIND, help="Only this kind."),
    click.option(
        "--date",
        "file_date",
        type=DAY,
        callback=as_date,
        metavar="YYYY-MM-DD",
        help="Only files of this file date.",
    ),
    click.option(
        "--state", type=click.Choice([state.value for state in State]), help="Only files in this state."
    ),
    common_options,
)
