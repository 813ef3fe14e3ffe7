"""A part of the page, and how its sentences name amounts and changes."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from loader.report.queries import Result, Scope


@dataclass
class Section:
    """A part of the page: its finding in a sentence and items, the chart (SVG by width) with its legend
    (names of colours by text), and the tables behind it. `quiet` names what was looked at where nothing is
    wrong with it.
    """

    id: str
    heading: str
    sentence: str
    results: list[Result]
    chart: dict[str, str] = field(default_factory=dict)
    legend: dict[str, str] = field(default_factory=dict)
    items: list[str] = field(default_factory=list)
    quiet: str = ""
    open_table: bool = False


def nothing(results: list[Result], what: str) -> str | None:
    """The sentence where there is nothing to show, or None."""
    if all(result.missing for result in results):
        return not_built(results)
    if not any(result.rows for result in results):
        return f"No {what} in these days."
    return None


def not_built(results: list[Result]) -> str:
    """The sentence about the first mart that is not there, or ""."""
    missing = next((result.missing for result in results if result.missing), "")
    return f"{missing} is not built in this database; `cdr build` makes it." if missing else ""


def total(rows: list[dict[str, Any]], column: str) -> Any:
    """The sum of what is known, or None."""
    known = [row[column] for row in rows if row[column] is not None]
    return sum(known) if known else None


def money(scope: Scope, amount: Decimal) -> str:
    """An amount in the page's currency."""
    return f"{scope.currency} {amount:,.2f}".strip()


def change(now: Any, before: Any) -> str:
    """By how much a figure changed, or "" where there is nothing to compare it with."""
    return f"{100 * (now - before) / abs(before):+.1f} %" if now is not None and before else ""
