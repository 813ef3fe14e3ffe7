"""DuckDB's own reader: a text's lines into their raw table, and what arrived there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.sql import literal, quoted
from loader.feeds import KINDS
from loader.parsing.header import Columns
from loader.parsing.lines import NULL_TEXT
from loader.parsing.totals import ControlTotals

if TYPE_CHECKING:
    import duckdb


# Lines that are worth a core of their own.
PIECE = 200_000
# A row that may be the header once more, in SQL.
LOOKS_LIKE_A_HEADER = "strlen(call_id) < 20 and call_id ilike '%callid%'"


@dataclass(frozen=True)
class PlainText:
    """A text for DuckDB's reader: so many lines after the first few, with quoted fields among them or not."""

    path: Path
    skip: int
    lines: int
    quoting: bool
    has_placeholders: bool = False

    def pieces(self, number: int) -> Iterator[tuple[int, int]]:
        """Parts of about the same size: each one's first line, counted from 0, and how many it has."""
        bounds = [self.lines * at // number for at in range(number + 1)]
        return ((first, end - first) for first, end in pairwise(bounds))


def insert_lines(
    connection: "duckdb.DuckDBPyConnection", text: PlainText, columns: Columns, file_id: int, line: int
) -> None:
    """Splits every line of a text, the first of them the file's line of that number, into the raw table,
    placeholders left out; raises duckdb.Error where a line has not the right number of fields.

    A line's number is its row's, which one core alone can count: so every core gets a piece of the text.
    """
    names = _incoming_names(columns)
    incoming = dict(zip(columns.names, names, strict=True))
    values = [incoming.get(name, "null") for name in KINDS[columns.kind]]
    pairs = ", ".join(
        f"{literal(name)}, {incoming[name]}" for name in columns.names if name in columns.extras
    )
    extra = f"json_object({pairs})::varchar" if pairs else "null"
    where = f"where {names[0]} <> chr(0)" if text.has_placeholders else ""
    number = 1
    if text.lines >= 2 * PIECE:
        (threads,) = connection.execute("select current_setting('threads')").fetchall()[0]
        number = min(threads, text.lines // PIECE)
    pieces = []
    for first, count in text.pieces(number):
        # The last one has no limit, so that lines beyond those counted are found out.
        limit = f"limit {count}" if first + count < text.lines else ""
        pieces.append(
            f"""
            select {", ".join(values)}, {file_id}, number + {line + first - 1}, {extra}
            from (
                select *, row_number() over () as number
                from (from {_reader(text, columns, text.skip + first)} {limit})
            )
            {where}
            """
        )
    connection.execute(f"insert into raw_sinch.{columns.kind} by position {' union all '.join(pieces)}")


def _reader(text: PlainText, columns: Columns, skip: int) -> str:
    """DuckDB's reader of a text but for its first lines, in SQL.

    Settings that lose nothing silently: no sniffing, no null but one that no clean text holds, and strict
    about the number of fields. Never with store_rejects, which loses and repeats lines.
    """
    quote = '"' if text.quoting else ""
    # Read as a pattern otherwise.
    pattern = re.sub(r"([*?\[])", r"[\1]", str(text.path))
    listed = ", ".join(f"'{name}': 'VARCHAR'" for name in _incoming_names(columns))
    return (
        f"read_csv({literal(pattern)}, columns = {{{listed}}}, auto_detect = false, header = false, "
        f"skip = {skip}, compression = 'none', delim = ';', quote = '{quote}', escape = '{quote}', "
        f"comment = '', nullstr = {literal(NULL_TEXT)}, strict_mode = true, null_padding = false)"
    )


@dataclass(frozen=True)
class Measured:
    """What the raw table holds of a file: rows, the bytes of their values but for double quotes, the
    separators that stood between these, and the sum of their line numbers.
    """

    rows: int
    values: int
    separators: int
    line_sum: int
    # Rows that may be the header once more.
    headers: int

    def add_to(self, totals: ControlTotals) -> None:
        """Puts the rows into the terms that are measured."""
        totals.fields.add(self.values, self.rows)
        totals.separators.add(self.separators, 0)


def measure(connection: "duckdb.DuckDBPyConnection", columns: Columns, file_id: int) -> Measured:
    """What arrived of a file in its raw table."""
    values = [quoted(name) for name in columns.names if name and name not in columns.extras]
    if columns.extras:
        values.append("array_to_string(map_values(_extra::json::map(varchar, varchar)), '')")
    row = connection.execute(
        f"""
        select
            count(*),
            coalesce(
                sum(strlen(if(contains(text, '"'), replace(text, '"', ''), text))), 0
            )::bigint,
            coalesce(sum(_line), 0),
            count(*) filter ({LOOKS_LIKE_A_HEADER})
        from (
            select concat({", ".join(values)}) as text, _line, "CallId" as call_id
            from raw_sinch.{columns.kind}
            where _file_id = ?
        )
        """,
        [file_id],
    ).fetchone()
    assert row is not None
    rows, values_size, line_sum, headers = row
    return Measured(rows, values_size, rows * (columns.width - 1), int(line_sum), headers)


def _incoming_names(columns: Columns) -> list[str]:
    return [f"c{number}" for number in range(columns.width)]
