"""Moves one file's records into its raw table, and proves that every byte and line of it arrived or was
rejected.

Three ways, each tried when the one before fails or cannot prove itself: DuckDB reads the file in place;
DuckDB reads its clean lines while the exact reader takes the others; the exact reader takes them all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.inputs.content import Content
from loader.parsing.layout import Layout
from loader.parsing.lines import Lines, clean_lines, no_clean_lines
from loader.parsing.records import ExactReader, sift, sum_of_lines
from loader.staging.buffers import Batch, Sections
from loader.staging.csv_insert import PIECE, PlainText, insert_lines, measure

if TYPE_CHECKING:
    import duckdb


class Unproven(Exception):
    """The bytes or lines loaded are not those of the file."""


@dataclass
class Loaded:
    """What a file's content came to. Both sides of the proof: bytes and lines of the content, and those
    accounted for.
    """

    staged: int = 0
    rejected: int = 0
    size: int = 0
    lines: int = 0

    def check(self, content: Content) -> None:
        """Raises Unproven unless every byte and line is accounted for."""
        if (self.size, self.lines) != (content.counts.size, content.counts.lines):
            raise Unproven(
                f"only {self.size} of {content.counts.size} bytes and {self.lines} of "
                f"{content.counts.lines} lines are accounted for"
            )


Way = Callable[["duckdb.DuckDBPyConnection", Content, Layout, int, Path], Loaded]


def ways(content: Content, layout: Layout) -> list[Way]:
    """The ways to load a text, the fastest that can be right first."""
    if layout.columns is None:
        return [_load_nothing]
    in_place = content.counts.uniform and layout.line <= 2
    return [*([load_in_place] if in_place else []), load_sifted, load_exactly]


def uses_every_core(content: Content) -> bool:
    """Whether a text is so long that its pieces keep every core busy."""
    return content.counts.lines >= 2 * PIECE


def _load_nothing(
    connection: "duckdb.DuckDBPyConnection",  # noqa: ARG001
    content: Content,  # noqa: ARG001
    layout: Layout,
    file_id: int,  # noqa: ARG001
    folder: Path,  # noqa: ARG001
) -> Loaded:
    return Loaded(size=layout.offset, lines=layout.line - 1)


def load_in_place(
    connection: "duckdb.DuckDBPyConnection",
    content: Content,
    layout: Layout,
    file_id: int,
    folder: Path,  # noqa: ARG001
) -> Loaded:
    """The whole text through DuckDB's reader, for texts whose lines end alike and are valid UTF-8 without
    NUL.
    """
    assert layout.columns is not None
    counts = content.counts
    before = layout.line - 1
    text = PlainText(content.path, before, counts.lines - before, counts.has_opening_quote)
    insert_lines(connection, text, layout.columns, file_id, layout.line)
    found = measure(connection, layout.columns, file_id)
    if found.line_sum != sum_of_lines(layout.line, text.lines):
        raise Unproven("the lines read are not numbered one after the other")
    line_ends = counts.line_feeds + counts.crlf - before * (1 + (counts.crlf > 0))
    quotes = counts.quotes - (layout.header or "").count('"')
    return Loaded(
        staged=found.rows,
        size=layout.offset + found.size + quotes + line_ends,
        lines=before + found.rows,
    )


def load_sifted(
    connection: "duckdb.DuckDBPyConnection", content: Content, layout: Layout, file_id: int, folder: Path
) -> Loaded:
    """Clean lines through DuckDB's reader, the others through the exact one."""
    assert layout.columns is not None
    return _sift(connection, content, layout, file_id, folder, clean_lines(layout.columns.width))


def load_exactly(
    connection: "duckdb.DuckDBPyConnection", content: Content, layout: Layout, file_id: int, folder: Path
) -> Loaded:
    """Every line through the exact reader."""
    return _sift(connection, content, layout, file_id, folder, no_clean_lines)


def _sift(
    connection: "duckdb.DuckDBPyConnection",
    content: Content,
    layout: Layout,
    file_id: int,
    folder: Path,
    is_clean: Callable[[bytes, list[bytes]], list[bool]],
) -> Loaded:
    columns = layout.columns
    assert columns is not None
    batch = Batch(connection, columns, file_id)
    quoting = content.counts.has_opening_quote
    with (
        Sections(connection, columns, file_id, folder, layout.line, quoting) as sections,
        content.path.open("rb", buffering=0) as file,
    ):
        lines = Lines(file, layout.offset, layout.line, is_clean)
        reader = ExactReader(lines, columns.width, content.transcoded)
        for found in sift(reader, sections.write):
            batch.add(found)
        batch.flush()
        sections.flush()
    staged = measure(connection, columns, file_id)
    account = reader.account
    if staged.line_sum != account.clean_line_sum + batch.line_sum:
        raise Unproven("the lines read are not numbered as they were written")
    return Loaded(
        staged=staged.rows,
        rejected=batch.rejects,
        size=layout.offset + account.size - batch.size + staged.size,
        lines=layout.line - 1 + account.lines + staged.rows - batch.records,
    )
