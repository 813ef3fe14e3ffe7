"""The answers in models/COOKBOOK.md and RUNBOOK.md; `make generated` runs the queries and writes them."""

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
from harness import REPOSITORY, Loader

from loader.synth import synthesise

PAGE = REPOSITORY / "models" / "COOKBOOK.md"
RUNBOOK = REPOSITORY / "models" / "RUNBOOK.md"
_ANSWERED = re.compile(r"```sql\n(?P<query>.*?)\n```\n\n```text\n(?P<answer>.*?)```", re.DOTALL)


def deliver(folder: Path) -> Loader:
    """Stage and build the cookbook's delivery: models only, since tests change no answer."""
    loader = Loader(folder / "cdr.duckdb", folder / "inbox")
    synthesise(loader.inbox, days=14, calls_per_day=200, seed=14, warts=True, plants=True)
    (loader.inbox / "cdr_sip_terminated_2026-11-17.csv").unlink()
    seeds = {
        "CDR_RATE_CARD": str(loader.inbox / "seeds" / "rate_card.csv"),
        "CDR_INVOICES": str(loader.inbox / "seeds" / "invoices.csv"),
    }
    before = dict(os.environ)
    os.environ |= seeds
    try:
        # Some of its files and records cannot be staged: that is one of the questions.
        loader("stage", loader.inbox, "-q", code=1)
        variables = ("--vars", "{custom_keys: [campaign, tier]}")
        models = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
        loader("build", "-q", *variables, *models)
    finally:
        os.environ.clear()
        os.environ |= before
    return loader


def queries(page: str) -> list[str]:
    """The queries of the page, in its order."""
    return [match["query"] for match in _ANSWERED.finditer(page)]


def answered(page: str, database: Path) -> str:
    """The page with its queries' answers on the database."""
    with duckdb.connect(database, read_only=True) as connection:

        def answer(match: re.Match[str]) -> str:
            result = connection.execute(match["query"])
            names = [column[0] for column in result.description or []]
            text = table(names, result.fetchall())
            return f"```sql\n{match['query']}\n```\n\n```text\n{text}```"

        return _ANSWERED.sub(answer, page)


def table(names: list[str], rows: list[tuple[Any, ...]]) -> str:
    """Rows as plain text: numbers to the right, empty for null."""
    texts = [names, *[["" if value is None else str(value) for value in row] for row in rows]]
    widths = [max(len(row[column]) for row in texts) for column in range(len(names))]
    right = [any(is_number(row[column]) for row in rows) for column in range(len(names))]
    lines = [
        "  ".join(
            text.rjust(width) if is_right else text.ljust(width)
            for text, width, is_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in texts
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines) + "\n"


def is_number(value: object) -> bool:
    """Whether a value is counted or measured."""
    from decimal import Decimal

    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        database = Path(sys.argv[1]) if sys.argv[1:] else deliver(Path(name)).database
        for page in (PAGE, RUNBOOK):
            page.write_text(answered(page.read_text(), database))
