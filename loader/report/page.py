"""The report: one HTML file that needs no network."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from loader.database.connection import opened
from loader.database.feed import Row, in_words
from loader.database.workspace import working
from loader.errors import CdrError
from loader.report import charts
from loader.report.queries import Result, Scope, run_all, scope_of
from loader.text import counted

_TEMPLATE = "page.html.j2"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MEAN_DAYS = 7
# A longer text in a cell may break anywhere.
_LONG_TEXT = 20


@dataclass
class Section:
    """A part of the page: its finding in a sentence, the chart (SVG by width) with its legend, and the tables
    behind it.
    """

    id: str
    heading: str
    sentence: str
    results: list[Result]
    chart: dict[str, str] = field(default_factory=dict)
    legend: list[str] = field(default_factory=list)
    open_table: bool = False


def write_report(
    database: Path,
    out: Path,
    first: date | None = None,
    last: date | None = None,
    application: str | None = None,
    wait: float = 0,
) -> Scope:
    """Write the page of the report dates from `first` to `last`, by default the last thirty.

    Raises CdrError when the marts are not built, the group `report` is missing or `out` cannot be written.
    """
    charts.require_altair()
    with opened(database, "read", wait, is_publication=True) as connection:
        scope = scope_of(connection, first, last, application)
        results = run_all(connection, scope)
    text = _rendered(scope, [make(scope, results) for make in _SECTIONS])
    if out.exists() and not out.is_file():
        raise CdrError(f"{out} is not a file; name another")
    try:
        with working(database) as workspace, workspace.replacing(out) as new:
            new.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CdrError(f"cannot write {out} ({error.strerror}); name another file") from error
    return scope


def _rendered(scope: Scope, sections: list[Section]) -> str:
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup, escape

    environment = Environment(
        loader=PackageLoader("loader.report", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["cell"] = _cell
    environment.filters["cell_class"] = lambda value: Markup(_cell_class(value))
    # A heading may break after an underscore.
    environment.filters["breakable"] = lambda text: Markup(str(escape(text)).replace("_", "_<wbr>"))
    environment.filters["is_number"] = lambda value: isinstance(value, int | float | Decimal)
    return environment.get_template(_TEMPLATE).render(
        scope=scope,
        sections=sections,
        widths=charts.WIDTHS,
        written_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _cell(value: Any, column: str = "") -> str:
    """A value as the tables show it."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float() | Decimal():
            digits = 4 if "rate" in column else 2
            if column in ("asr", "ner"):
                return f"{100 * value:.1f} %"
            return f"{value:,.{digits}f}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case _:
            return str(value)


def _cell_class(value: Any) -> str:
    match value:
        case int() | float() | Decimal():
            return ' class="number"'
        case date():
            return ' class="day"'
        case str() if len(value) > _LONG_TEXT:
            return ' class="long"'
        case _:
            return ""


def _nothing(results: list[Result], what: str) -> str | None:
    """The sentence where there is nothing to show, or None."""
    if all(result.missing for result in results):
        return f"{results[0].mart} is not built in this database; `cdr build` makes it."
    if not any(result.rows for result in results):
        return f"No {what} in these days."
    return None


def _feed(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["feed"], results["missing_days"], results["feed_findings"]]
    missing = results["missing_days"].rows
    sentence = _nothing(parts[:2], "deliveries")
    if sentence is None and missing:
        days = ", ".join(f"{day} ({kind})" for day, kind in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        sentence = f"{counted(len(missing), 'file')} missing: {days}{more}."
    elif sentence is None:
        sentence = "Complete: every kind has a file for every day since its first."
    found = [finding.sentence for finding in in_words([Row(*row) for row in parts[2].rows])]
    sentence = " ".join([sentence, *(f"{_capital(text)}." for text in [scope.stalled, *found] if text)])
    return Section("feed", "Is the data complete?", sentence, parts, open_table=True)


def _spend(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["spend"], results["spend_daily"]]
    sentence = _nothing(parts[:1], "charged calls")
    if sentence is None:
        amounts = []
        for row in parts[0].dicts():
            change = _change(row["amount"], row["previous_amount"])
            amounts.append(f"{row['currency']} {row['amount']:,.2f}{f' ({change})' if change else ''}")
        sentence = f"{'; '.join(amounts)}."
        if scope.is_compared:
            sentence += f" Changes are against the {counted(scope.days, 'day')} before."
    rows = parts[1].dicts()
    section = Section("spend", "What did we spend?", sentence, parts)
    if rows:
        section.chart = charts.stacked_days(rows, "amount_reporting", "call_type", "reporting currency")
        section.legend = list(dict.fromkeys(row["call_type"] for row in rows))
    return section


def _quality(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["quality_by_kind"]]
    rows = parts[0].dicts()
    section = Section("quality", "How good were the calls?", _nothing(parts, "calls") or "", parts)
    if not rows:
        return section
    days: dict[date, dict[str, Any]] = {}
    ratios = []
    kinds = list(dict.fromkeys(row["call_type"] for row in rows))
    for kind in kinds:
        of_kind = [row for row in rows if row["call_type"] == kind]
        _add_mean(of_kind, "asr", "answers", "seizures")
        for row in of_kind:
            day = days.setdefault(row["report_date"], {"report_date": row["report_date"]})
            day |= {f"{kind}_asr": row["asr"], f"{kind}_asr_mean": row["asr_mean"]}
        bids, seizures, answers = (
            sum(row[name] for row in of_kind) for name in ("bids", "seizures", "answers")
        )
        asr = f"{100 * answers / seizures:.1f} %" if seizures else "unknown"
        ratios.append(f"{kind} {bids:,} calls, {answers:,} answered: ASR {asr}")
    section.sentence = f"{'; '.join(ratios)}. Lines: ASR of {_MEAN_DAYS} days together."
    blank = {f"{kind}_asr{mean}": None for kind in kinds for mean in ("", "_mean")}
    in_order = [blank | days[day] for day in sorted(days)]
    section.chart = charts.lines(in_order, [(f"{kind}_asr", kind) for kind in kinds], "share of seizures")
    section.legend = kinds
    return section


def _length(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["quality"]]
    rows = [row for row in parts[0].dicts() if row["aloc_seconds"] is not None]
    section = Section(
        "length", "How long did people talk?", _nothing(parts, "calls") or "No answered calls.", parts
    )
    if rows:
        _add_mean(rows, "aloc_seconds", "talk_seconds", "timed_answers")
        longest = max(rows, key=lambda row: row["aloc_seconds"])
        section.sentence = (
            f"ALOC was highest on {longest['report_date']}: {longest['aloc_seconds']:,.0f} s; "
            f"on the last day {rows[-1]['aloc_seconds']:,.0f} s."
        )
        section.chart = charts.lines(rows, [("aloc_seconds", "ALOC")], "seconds", percent=False)
        section.legend = ["ALOC"]
    return section


def _failures(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["failures"]]
    rows = parts[0].dicts()
    section = Section("failures", "Why did calls fail?", _nothing(parts, "failed calls") or "", parts)
    if rows:
        top = rows[0]
        section.sentence = (
            f"Most often {top['outcome']} ({top['reason']}), side {top['outcome_side']}: {top['calls']:,}."
        )
        labelled = [{**row, "label": f"{row['outcome']} · {row['reason']}"[:40]} for row in rows]
        section.chart = charts.ranked(labelled, "label", "calls", "outcome_side", "calls")
        section.legend = list(dict.fromkeys(row["outcome_side"] for row in rows))
    return section


def _destinations(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["destinations"], results["effective_rates"], results["rate_changes"]]
    rows = parts[0].dicts()
    section = Section(
        "destinations", "Where does the money go?", _nothing(parts[:1], "charged calls") or "", parts
    )
    if rows:
        top = rows[0]
        section.sentence = (
            f"Most to {top['country_name'] or top['country']}: {top['amount_reporting']:,.2f} "
            f"for {top['minutes'] or 0:,.0f} minutes; {counted(len(parts[2].rows), 'rate change')}."
        )
        named = [
            {"label": str(r["country_name"] or r["country"]), "amount": r["amount_reporting"], "of": "amount"}
            for r in rows
        ]
        section.chart = charts.ranked(named, "label", "amount", "of", "reporting currency")
    return section


def _users(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["users"]]
    rows = parts[0].dicts()
    sentence = _nothing(parts, "spend by user")
    if sentence is None:
        top = rows[0]
        rate = top["effective_rate_per_minute"]
        sentence = (
            f"{top['user_id']} spent most: {top['currency']} {top['amount']:,.2f} in {top['calls']:,} calls"
            + (f", {rate:,.4f} a charged minute." if rate is not None else ".")
        )
    return Section("users", "Who spends most?", sentence, parts, open_table=bool(rows))


def _traffic(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["traffic"], results["busy_hours"]]
    section = Section("traffic", "When is it busy?", _nothing(parts, "traffic") or "", parts)
    busiest = parts[1].dicts()
    if busiest:
        top = busiest[0]
        peak = max(busiest, key=lambda row: row["peak_concurrent_calls"])
        section.sentence = (
            f"The busiest hour began {top['busy_hour']:%Y-%m-%d %H:%M} UTC: {top['erlangs']:,.1f} erlangs, "
            f"for which 1 % loss asks for {counted(top['lines_at_1pct'], 'line')}; "
            f"up to {peak['peak_concurrent_calls']:,} calls in conversation at once "
            f"({peak['peak_at']:%Y-%m-%d %H:%M})."
        )
    if parts[0].rows:
        section.chart = charts.heat_map(parts[0].dicts(), "hour_of_day", "weekday", "erlangs", _WEEKDAYS)
    return section


def _signals(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["signals"], results["signal_weeks"], results["signal_rules"]]
    rows = parts[0].dicts()
    sentence = _nothing(parts[:2], "signals")
    if sentence is None:
        critical = sum(row["severity"] == "critical" for row in rows)
        shown = "the 40 most severe are shown" if len(rows) == 40 else "all are shown"
        sentence = (
            f"{counted(critical, 'critical signal')} among {len(rows)}; {shown}. Signals are no verdicts."
        )
    silent = [row["rule"] for row in parts[2].dicts() if row["status"] == "silent"]
    if silent:
        sentence += f" Silent until there is more history: {', '.join(silent)}."
    return Section("signals", "Does anything look wrong?", sentence, parts, open_table=bool(rows))


def _exceptions(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["exceptions"]]
    rows = parts[0].dicts()
    sentence = _nothing(parts, "cost exceptions")
    if sentence is None:
        sentence = (
            f"{counted(sum(row['calls'] for row in rows), 'call')} with a cost that a rule questions, "
            f"most by {rows[0]['rule']}."
        )
    return Section("exceptions", "Which charges are odd?", sentence, parts, open_table=bool(rows))


def _invoices(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["invoices"]]
    rows = parts[0].dicts()
    sentence = _nothing(parts, "invoices or amounts")
    if sentence is None:
        differing = sum(row["verdict"] == "differs" for row in rows)
        matching = sum(row["verdict"] == "matches" for row in rows)
        billed = sum(row["invoice_amount"] is not None for row in rows)
        sentence = (
            f"Of {counted(billed, 'invoiced amount')} {matching} match the records, {differing} differ."
            if billed
            else "No invoices are given; these are the amounts that the records add up to."
        )
    return Section("invoices", "Do the invoices match?", sentence, parts, open_table=bool(rows))


_SECTIONS: tuple[Callable[[Scope, dict[str, Result]], Section], ...] = (
    _feed,
    _spend,
    _quality,
    _length,
    _failures,
    _destinations,
    _users,
    _traffic,
    _signals,
    _exceptions,
    _invoices,
)


def _add_mean(rows: list[dict[str, Any]], column: str, numerator: str, denominator: str) -> None:
    """Add the ratio over the seven days up to each row, from sums: a mean of ratios would be wrong."""
    for at, row in enumerate(rows):
        window = [
            day
            for day in rows[max(0, at - _MEAN_DAYS + 1) : at + 1]
            if (row["report_date"] - day["report_date"]).days < _MEAN_DAYS
        ]
        below = sum(day[denominator] for day in window)
        row[f"{column}_mean"] = sum(day[numerator] for day in window) / below if below else None


def _change(now: Decimal, before: Decimal | None) -> str:
    return f"{100 * (now - before) / before:+.1f} %" if before else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
