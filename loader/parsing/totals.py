"""Control totals: where all bytes and lines of a text went."""

from dataclasses import dataclass, field


@dataclass
class Total:
    """A number of bytes, and of physical lines that no other term counts."""

    bytes: int = 0
    lines: int = 0

    def add(self, size: int, lines: int) -> None:
        """Add bytes and lines."""
        self.bytes += size
        self.lines += lines


@dataclass
class ControlTotals:
    """The terms of the proof that a file arrived whole: their sum is all its bytes and lines.

    Fields and separators are measured in the raw table after loading; everything else is counted in the text.
    A value that was lost, doubled or changed on the way leaves the two sides unequal.
    """

    # Before the records: byte order mark, skipped lines, the header. The manifest keeps it.
    header: Total = field(default_factory=Total)
    # The values in the raw table, without double quotes; each row is a line.
    fields: Total = field(default_factory=Total)
    # Between the values of a row; in the table only the columns show them.
    separators: Total = field(default_factory=Total)
    # All double quotes of the records: the table lacks those around values, and has doubled ones once.
    quotes: Total = field(default_factory=Total)
    # The ends of records and blank lines. Lines: blank ones, and those on which a quoted value continues.
    line_ends: Total = field(default_factory=Total)
    # Records in the quarantine, with their line ends.
    rejects: Total = field(default_factory=Total)
    # Repeated headers, with their line ends.
    repeated: Total = field(default_factory=Total)

    @property
    def bytes(self) -> int:
        """The bytes of all terms."""
        return sum(term.bytes for term in self._terms)

    @property
    def lines(self) -> int:
        """The lines of all terms."""
        return sum(term.lines for term in self._terms)

    @property
    def _terms(self) -> tuple[Total, ...]:
        return (
            *(self.header, self.fields, self.separators, self.quotes),
            *(self.line_ends, self.rejects, self.repeated),
        )
