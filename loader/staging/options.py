"""How to read deliveries, and how many of their records may be rejected."""

from dataclasses import dataclass
from datetime import date

from loader.errors import CdrError


@dataclass(frozen=True)
class Limit:
    """How many of a file's records may be rejected: a number or a percentage."""

    number: float
    percent: bool = False

    @classmethod
    def parse(cls, text: str) -> "Limit":
        """Parse `12` or `0.5%`; raise CdrError for anything else."""
        percent = text.endswith("%")
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            number = -1
        if not 0 <= number < float("inf") or (not percent and number != int(number)):
            raise CdrError(
                f"--max-rejects {text} is neither a number nor a percentage; give it as 10 or 0.5%"
            )
        return cls(number, percent)

    def is_passed_by(self, rejected: int, records: int) -> bool:
        """Whether that many rejects of that many records are more than allowed."""
        return rejected > (self.number * records / 100 if self.percent else self.number)


@dataclass(frozen=True)
class Options:
    """How to read deliveries; see the options of `cdr stage`."""

    kind: str | None = None
    file_date: date | None = None
    generated_names: bool = False
    encoding: str | None = None
    max_rejects: Limit = Limit(0)
    # More rejects fail the file whole.
    max_rejected_records: int = 1_000_000
    # Everything counts as delivered again and is read, known or not.
    again: bool = False
    dry_run: bool = False
    wait: float = 0

    @property
    def reading(self) -> str:
        """The options that change how a file is read, as a text: with others it may be another file."""
        return "|".join(str(part or "") for part in (self.kind, self.file_date, self.encoding)) + (
            "|generated" if self.generated_names else ""
        )
