"""Control totals: what a text's bytes and lines went into, to be compared with what it has."""

from dataclasses import dataclass, field


@dataclass
class Total:
    """So many bytes, and so many physical lines that are counted under no other term."""

    bytes: int = 0
    lines: int = 0

    def add(self, size: int, lines: int) -> None:
        """Counts more of them."""
        self.bytes += size
        self.lines += lines


@dataclass
class ControlTotals:
    """The terms of the proof that a file arrived whole: together they are all its bytes and lines.

    Fields and separators are measured in the raw table after loading; everything else is counted in the text.
    A value lost, doubled or altered on the way into the table leaves the two sides unequal.
    """

    # What comes before the records: byte order mark, lines passed over, the header. The manifest keeps it.
    header: Total = field(default_factory=Total)
    # The values as they stand in the raw table, but for double quotes; each row is a line.
    fields: Total = field(default_factory=Total)
    # Between the values of a row; the table has no trace of them but its columns.
    separators: Total = field(default_factory=Total)
    # All double quotes of the records: those around values are not in the table, doubled ones are there once.
    quotes: Total = field(default_factory=Total)
    # What ends records and blank lines. Lines: the blank ones, and those on which a quoted value goes on.
    line_ends: Total = field(default_factory=Total)
    # Records that cannot be read, with their line ends; each is in the quarantine.
    rejects: Total = field(default_factory=Total)
    # Headers repeated among the records, with their line ends.
    repeated: Total = field(default_factory=Total)

    @property
    def bytes(self) -> int:
        """All bytes accounted for."""
        return sum(term.bytes for term in self._terms)

    @property
    def lines(self) -> int:
        """All lines accounted for."""
        return sum(term.lines for term in self._terms)

    @property
    def _terms(self) -> tuple[Total, ...]:
        return (
            *(self.header, self.fields, self.separators, self.quotes),
            *(self.line_ends, self.rejects, self.repeated),
        )
