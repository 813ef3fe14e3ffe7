"""Options that several commands share."""

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from pathlib import Path

import click

from loader.database.manifest import State
from loader.feeds import KINDS
from loader.paths import database_path

_Command = Callable[..., int]
_Decorator = Callable[[_Command], _Command]


def _options(*decorators: _Decorator) -> _Decorator:
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
    """A day as YYYY-MM-DD; anything else is refused with an example."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a day; write YYYY-MM-DD, for example 2026-11-22.", param, ctx)


DAY = _Day()

_STATE = click.Choice([state.value for state in State])
_KIND = click.Choice(list(KINDS))

database_option = click.option(
    "--database",
    metavar="FILE",
    callback=_database,
    help="The DuckDB file [default: CDR_DATABASE, otherwise cdr.duckdb in the project's folder].",
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
    help="Wait up to so many seconds for a database that another process uses.",
)

allow_shown_option = click.option(
    "--allow-shown",
    is_flag=True,
    help="Write also personal data that the last build failed to mask or hash.",
)

wide_option = click.option(
    "--wide", is_flag=True, help="Show every column whole, whatever the terminal's width."
)

_stage_parameters = _options(
    click.argument("paths", nargs=-1, required=True, metavar="PATH..."),
    click.option("--kind", type=_KIND, help="The kind of files without a header."),
    click.option(
        "--file-date", type=DAY, callback=as_date, metavar="YYYY-MM-DD", help="The UTC day the files cover."
    ),
    click.option(
        "--name-date",
        type=click.Choice(["covered", "generated"]),
        default="covered",
        envvar="CDR_NAME_DATE",
        show_default=True,
        help="Dates in names are the day covered, or the day after it, of generation [env: CDR_NAME_DATE].",
    ),
    click.option(
        "--encoding", metavar="NAME", help="Encoding of files without a byte order mark [default: utf-8]."
    ),
    click.option(
        "--max-rejects",
        metavar="N|P%",
        default="0",
        show_default=True,
        help="Exit with 1 when more of a file's records are rejected; the others are staged in any case.",
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
        help="List every file, known and ignored ones too, with the reason.",
    ),
    wait_option,
    common_options,
)


def stage_options(command: _Command) -> _Command:
    """Paths, `Options` and what is common, for a command that stages."""

    @wraps(command)
    def with_options(
        *,
        kind: str | None,
        file_date: date | None,
        name_date: str,
        encoding: str | None,
        max_rejects: str,
        max_rejected_records: int,
        again: bool,
        wait: float,
        **others: object,
    ) -> int:
        from loader.staging.options import Limit, Options

        options = Options(
            kind=kind,
            file_date=file_date,
            generated_names=name_date == "generated",
            encoding=encoding,
            max_rejects=Limit.parse(max_rejects),
            max_rejected_records=max_rejected_records,
            again=again,
            wait=wait,
        )
        return command(options=options, **others)

    return _stage_parameters(with_options)


_filter_parameters = _options(
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
    click.option("--state", type=_STATE, help="Only files in this state."),
    common_options,
)


def filter_options(command: _Command) -> _Command:
    """A `Filter` of files and what is common, for a command that lists."""

    @wraps(command)
    def with_filter(
        *, file: str | None, kind: str | None, file_date: date | None, state: str | None, **others: object
    ) -> int:
        from loader.operations.listing import Filter

        return command(chosen=Filter(file, kind, file_date, state), **others)

    return _filter_parameters(with_filter)
