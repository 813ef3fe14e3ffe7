"""What commands print: one JSON document, or tables for people."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

STAGED_COLUMNS = (
    "file_id",
    "file_name",
    "kind",
    "file_date",
    "records",
    "staged",
    "rejected",
    "state",
    "message",
)


def print_json(document: dict[str, Any]) -> None:
    """One document on stdout; dates as ISO 8601, times in UTC with a Z."""
    sys.stdout.write(json.dumps(document, default=_plain, ensure_ascii=False, indent=2) + "\n")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on stdout; numbers to the right, nothing of a value interpreted as markup or as terminal
    control.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        # A pipe has no width: never cut or wrap what another program reads.
        console = Console(
            width=max(
                80, sum(2 + max(len(_shown(v)) for v in [name, *c]) for name, *c in _by_column(columns, rows))
            )
        )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, name in enumerate(columns):
        numeric = any(isinstance(row[at], int) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row))
    console.print(table)


def _by_column(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [[name, *(row[at] for row in rows)] for at, name in enumerate(columns)]


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(value))


@contextmanager
def progress_bar(task: str, shown: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on stderr, only on a terminal; call the result with done, total and the name of what is next."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _done, _total, _name: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn(task),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        line = bar.add_task("", total=None)
        yield lambda done, total, name: bar.update(
            line, completed=done, total=total, description=escape(name)
        )
