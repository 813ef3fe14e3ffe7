"""What commands print: one JSON document, or tables and lines for people."""

import json
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from itertools import zip_longest
from typing import TextIO

from loader.errors import printable

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

# The width of what is printed where no terminal has one.
_WIDTH = 100
# Longer cells are cut in tables, never in JSON.
_LONGEST_CELL = 300
_SHORTEST_NAME = 16
_NAMES = {"file_name": _SHORTEST_NAME, "path": _SHORTEST_NAME}
_GAP = "  "
# What dbt does before its first model.
READING = "reading the project"
# A line of progress after so many seconds, where there is no bar.
_SILENCE_SECONDS = 10.0


class LostOutput(Exception):
    """The output could not be written because of a full disk, not because its reader ended."""


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LostOutput(f"cannot write the output ({error.strerror}); make room where it goes") from error


def flush() -> None:
    """Write what is printed and still buffered.

    Raises LostOutput where it cannot.
    """
    with _written():
        sys.stdout.flush()


def print_json(document: Mapping[str, object]) -> None:
    """One document on stdout; dates as ISO 8601, times in UTC with a Z."""
    with _written():
        sys.stdout.write(json.dumps(document, default=_plain, ensure_ascii=False, indent=2) + "\n")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def shown(value: object) -> str:
    """A value as text for a terminal. Whatever others wrote (file names, header cells, records) goes through
    here: control and direction characters are spelled out, so that nothing is interpreted.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return f"{value:,.0f}"
    return printable(str(value))


def print_line(text: str = "", indent: int = 2) -> None:
    """A line on stdout, safe to show, broken between words; following lines are indented."""
    with _written():
        sys.stdout.write(wrapped(shown(text), sys.stdout, indent, _WIDTH) + "\n")


def wrapped(text: str, stream: TextIO, indent: int = 0, otherwise: int | None = None) -> str:
    """Break a text between words where the stream is a terminal, or at the width for other streams; following
    lines are indented.
    """
    width = shutil.get_terminal_size().columns if stream.isatty() else otherwise
    if width is None:
        return text
    lines = textwrap.wrap(
        text,
        width,
        subsequent_indent=" " * indent,
        replace_whitespace=False,
        drop_whitespace=True,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def fitting(text: str, stream: TextIO, indent: int) -> str:
    """Cut the middle of one word, such as a path, where the terminal is too narrow for it."""
    return _shortened(text, shutil.get_terminal_size().columns - indent) if stream.isatty() else text


def print_error(text: str) -> None:
    """A line on stderr, safe to show."""
    sys.stderr.write(wrapped(shown(text), sys.stderr) + "\n")


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    wide: bool = False,
    shortened: Mapping[str, int] = _NAMES,
    optional: Sequence[str] = (),
) -> None:
    """Print a table on stdout, numbers to the right.

    On a terminal it fits the width: columns with the same value in all rows go into a line above, the
    `shortened` ones lose their middle, down to so many characters, the last named first, and the `optional`
    ones are left out, the first named first. In a pipe everything is shown, the widest cells of a row below
    it; when `wide`, everything in one line a row.

    Not by rich.table: that cuts cells at their end, drops no columns, and is slow for thousands of rows.
    """
    from rich.console import Console

    console = Console()
    ids = [at for at, name in enumerate(columns) if name.endswith("_id") or name == "line"]
    cells = [
        [
            str(value) if at in ids and value is not None else _cut(shown(value))
            for at, value in enumerate(row)
        ]
        for row in rows
    ]
    chosen = list(range(len(columns)))
    widths = [max([_width(name), *(_width(row[at]) for row in cells)]) for at, name in enumerate(columns)]
    if console.is_terminal and not wide:
        chosen = _without_constants(columns, cells, console.width)
        chosen = _fitting(columns, widths, chosen, console.width, shortened, optional)
    below: list[int] = []
    breaks = not (console.is_terminal or wide or _total(widths, chosen) <= _WIDTH)
    if breaks:
        below = _broken_to_fit(widths, chosen, [columns, *cells])
    right = {at for at in chosen if any(isinstance(row[at], int) for row in rows)}
    for number, texts in enumerate([columns, *cells]):
        parts = [_broken(texts[at], widths[at]) if breaks else [texts[at]] for at in chosen]
        for part in zip_longest(*parts, fillvalue=""):
            padded = (_padded(text, widths[at], at in right) for text, at in zip(part, chosen, strict=True))
            line = _GAP.join(padded).rstrip()
            with _written():
                if number == 0 and console.is_terminal:
                    console.print(line, style="bold", markup=False, highlight=False, soft_wrap=True)
                else:
                    sys.stdout.write(line + "\n")
        for at in below:
            with _written():
                sys.stdout.writelines(f"    {line}\n" for line in _broken(texts[at], _WIDTH - 4) if line)


def _broken_to_fit(widths: list[int], chosen: list[int], rows: Sequence[Sequence[str]]) -> list[int]:
    """Narrow the columns of several words to the width where no terminal has one, those of the longest words
    moved from `chosen` below the others; return the latter.
    """
    words = {at: max(_width(word) for row in rows for word in row[at].split()) for at in chosen}
    below = []
    while sum(words[at] + len(_GAP) for at in chosen) - len(_GAP) > _WIDTH:
        longest = max(chosen, key=lambda at: words[at])
        chosen.remove(longest)
        below.append(longest)
    while (surplus := _total(widths, chosen) - _WIDTH) > 0:
        widest = max(chosen, key=lambda at: widths[at] - words[at])
        widths[widest] = max(words[widest], widths[widest] - surplus)
    return sorted(below)


def _broken(text: str, width: int) -> list[str]:
    """The lines of a cell. Of characters that are two columns wide half as many fit."""
    if _width(text) <= width:
        return [text]
    characters = width if len(text) == _width(text) else width // 2
    return textwrap.wrap(text, characters, break_on_hyphens=False)


def _total(widths: list[int], chosen: list[int]) -> int:
    return sum(widths[at] for at in chosen) + len(_GAP) * (len(chosen) - 1)


def _without_constants(columns: Sequence[str], cells: list[list[str]], width: int) -> list[int]:
    if len(cells) < 3:
        return list(range(len(columns)))
    same = [at for at in range(len(columns)) if len({row[at] for row in cells}) == 1]
    constants = [f"{columns[at]} {cells[0][at]}" for at in same if cells[0][at]]
    if constants:
        for line in textwrap.wrap(f"all: {', '.join(constants)}", width, subsequent_indent="     "):
            print_line(line)
    return [at for at in range(len(columns)) if at not in same] or [0]


def _fitting(
    columns: Sequence[str],
    widths: list[int],
    chosen: list[int],
    available: int,
    shortened: Mapping[str, int],
    optional: Sequence[str],
) -> list[int]:
    """The columns that fit; narrows `widths` of those that are shortened."""

    def surplus() -> int:
        return _total(widths, chosen) - available

    leaving = [columns.index(name) for name in optional if name in columns]
    while surplus() > 0:
        spare = (widths[at] - shortened.get(columns[at], widths[at]) for at in chosen)
        if sum(max(0, characters) for characters in spare) >= surplus() or not leaving:
            break
        left = leaving.pop(0)
        chosen = [at for at in chosen if at != left]
    narrowed = [columns.index(name) for name in reversed(list(shortened)) if name in columns]
    for at in [*(at for at in narrowed if at in chosen), chosen[-1]]:
        excess = surplus()
        shortest = shortened.get(columns[at], _SHORTEST_NAME)
        if excess > 0 and widths[at] > shortest:
            widths[at] = max(shortest, widths[at] - excess)
    return chosen


def _padded(text: str, width: int, right: bool) -> str:
    text = _shortened(text, width)
    padding = " " * (width - _width(text))
    return padding + text if right else text + padding


def _shortened(text: str, width: int) -> str:
    """A text cut in its middle to a width."""
    if _width(text) <= width:
        return text
    from rich.cells import set_cell_size

    head = (width - 1) // 2
    tail = text[-(width - 1 - head) :]
    while _width(tail) > width - 1 - head:
        tail = tail[1:]
    return f"{set_cell_size(text, head)}…{tail}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


@contextmanager
def progress_bar(task: str, visible: bool, first: str = "") -> Iterator[Callable[[int, int, str], None]]:
    """A bar on stderr, or a line every ten seconds where that is not a terminal. Call the result with done,
    total (0: unknown) and the name of what is next. `first` names what is done before the first call.
    """
    if not visible or sys.stderr is None:
        yield lambda _done, _total, _name: None
        return
    if not sys.stderr.isatty():
        with _progress_lines(task, first) as progress:
            yield progress
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
        line = bar.add_task(first, total=None)
        yield lambda done, total, name: bar.update(
            line, completed=done, total=total or None, description=escape(_shortened(shown(name), 40))
        )


@contextmanager
def _progress_lines(task: str, first: str) -> Iterator[Callable[[int, int, str], None]]:
    """A line on stderr every ten seconds."""
    stopped, state = threading.Event(), [0, 0]

    def report() -> None:
        began = time.monotonic()
        while not stopped.wait(_SILENCE_SECONDS):
            of = f" of {state[1]:,}" if state[1] else ""
            what = f"{state[0]:,}{of} done" if any(state) or not first else first
            print_error(f"{task}: {what}, {time.monotonic() - began:.0f} s")

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield lambda done, total, _name: state.__setitem__(slice(None), [done, total])
    finally:
        stopped.set()
        thread.join()
