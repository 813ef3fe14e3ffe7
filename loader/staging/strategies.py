"""Loads one file's records into its raw table, and proves that every byte and line arrived or was rejected.

Three strategies, each tried when the one before fails or its totals do not match: DuckDB reads the file in
place; DuckDB reads its clean lines and the exact reader the others; the exact reader reads all lines.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.inputs.content import Content
from loader.parsing.layout import Layout
from loader.parsing.lines import LONGEST_PLAIN_LINE, Lines, clean_lines, no_clean_lines
from loader.parsing.records import ExactReader, split_lines, sum_of_lines
from loader.parsing.totals import ControlTotals
from loader.staging.insert import PIECE, Batch, PlainText, Sections, insert_lines, measure, odd_width

if TYPE_CHECKING:
    import duckdb


class ControlTotalMismatch(Exception):
    """The accounted bytes or lines are not those of the file."""


@dataclass
class LoadResult:
    """The numbers of a loaded file, with its control totals."""

    staged: int
    rejected: int
    totals: ControlTotals
    # A sentence about the number of fields that all rejects have in common.
    odd_width: str = ""

    def check(self, content: Content) -> None:
        """Raise ControlTotalMismatch unless every byte and line is accounted for."""
        profile = content.profile
        if (self.totals.bytes, self.totals.lines) != (profile.size, profile.lines):
            raise ControlTotalMismatch(
                f"only {self.totals.bytes} of {profile.size} bytes and {self.totals.lines} of "
                f"{profile.lines} lines are accounted for"
            )


@dataclass(frozen=True)
class FileLoad:
    """The load of one text into its raw table; each strategy is a method."""

    connection: "duckdb.DuckDBPyConnection"
    content: Content
    layout: Layout
    file_id: int
    # For temporary files.
    folder: Path
    # More rejects fail the file.
    max_rejects: int = 1_000_000

    @property
    def strategies(self) -> list["LoadStrategy"]:
        """The applicable strategies, the fastest first."""
        profile = self.content.profile
        in_place = (
            profile.uniform
            and profile.longest < LONGEST_PLAIN_LINE
            and self.layout.line <= 2
            and not self.layout.columns.padding
        )
        return [
            *([FileLoad.load_in_place] if in_place else []),
            FileLoad.load_mixed,
            FileLoad.load_exactly,
        ]

    def load_in_place(self) -> LoadResult:
        """Load the whole text by DuckDB's reader: for uniform line ends and valid UTF-8 without NUL."""
        columns, profile = self.layout.columns, self.content.profile
        before = self.layout.line - 1
        text = PlainText(self.content.on_disk(), before, profile.lines - before, profile.has_opening_quote)
        insert_lines(self.connection, text, columns, self.file_id, self.layout.line)
        measured = measure(self.connection, columns, self.file_id)
        if measured.line_sum != sum_of_lines(self.layout.line, text.lines):
            raise ControlTotalMismatch("the lines read are not numbered one after the other")
        if measured.headers:
            raise ControlTotalMismatch("a header repeated was read as a record")
        totals = self._totals_before()
        measured.add_to(totals)
        totals.quotes.bytes = profile.quotes - (self.layout.header or "").count('"')
        totals.line_ends.bytes = profile.line_feeds + profile.crlf - before * (1 + (profile.crlf > 0))
        return LoadResult(measured.rows, 0, totals)

    def load_mixed(self) -> LoadResult:
        """Load clean lines by DuckDB's reader, the others by the exact one."""
        return self._load_by_line(clean_lines(self.layout.columns, self.layout.header))

    def load_exactly(self) -> LoadResult:
        """Load every line by the exact reader."""
        return self._load_by_line(no_clean_lines)

    def _load_by_line(self, is_clean: Callable[[bytes, list[bytes]], list[bool]]) -> LoadResult:
        columns = self.layout.columns
        batch = Batch(self.connection, columns, self.file_id, self.max_rejects)
        quoting = self.content.profile.has_opening_quote
        totals = self._totals_before()
        with (
            Sections(
                self.connection, columns, self.file_id, self.folder, self.layout.line, quoting
            ) as sections,
            self.content.open() as file,
        ):
            lines = Lines(file, self.layout.offset, self.layout.line, is_clean)
            reader = ExactReader(lines, columns, self.content.transcoded, totals)
            for one in split_lines(reader, sections.write):
                batch.add(one)
            batch.flush()
            sections.flush()
        measured = measure(self.connection, columns, self.file_id)
        measured.add_to(totals)
        if measured.line_sum != reader.clean_line_sum + batch.line_sum:
            raise ControlTotalMismatch("the lines read are not numbered as they were written")
        if measured.headers and is_clean is not no_clean_lines:
            raise ControlTotalMismatch("a header repeated was read as a record")
        return LoadResult(measured.rows, batch.rejects, totals, odd_width(columns, batch.first_rejects))

    def _totals_before(self) -> ControlTotals:
        totals = ControlTotals()
        totals.header.add(self.layout.offset, self.layout.line - 1)
        return totals


LoadStrategy = Callable[[FileLoad], LoadResult]


def uses_every_core(content: Content) -> bool:
    """Whether a text is long enough to keep every core busy."""
    return content.profile.lines >= 2 * PIECE
