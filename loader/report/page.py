"""The report: one HTML file that needs no network."""

from collections import Counter
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
# Of a chart, before the one for all others.
_BARS = 12
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
    environment.filters["cell_class"] = lambda value, is_number: Markup(_cell_class(value, is_number))
    # A heading may break after an underscore.
    environment.filters["breakable"] = lambda text: Markup(str(escape(text)).replace("_", "_<wbr>"))
    environment.filters["numbers"] = _numbers
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


def _numbers(result: Result) -> list[bool]:
    """Whether each column is of numbers, those that are null in some rows too."""
    columns = zip(*result.shown, strict=True)
    return [any(isinstance(value, int | float | Decimal) for value in column) for column in columns]


def _cell_class(value: Any, is_number: bool) -> str:
    if is_number:
        return ' class="number"'
    match value:
        case date():
            return ' class="day"'
        case str() if len(value) > _LONG_TEXT:
            return ' class="long"'
        case _:
            return ""


def _nothing(results: list[Result], what: str) -> str | None:
    """The sentence where there is nothing to show, or None."""
    if all(result.missing for result in results):
        return f"{results[0].missing} is not built in this database; `cdr build` makes it."
    if not any(result.rows for result in results):
        return f"No {what} in these days."
    return None


def _feed(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results[name] for name in ("feed", "missing_days", "missing_elsewhere", "feed_findings")]
    missing = results["missing_days"].rows
    elsewhere = sum(row["files"] for row in results["missing_elsewhere"].dicts())
    sentence = _nothing(parts[:1], "deliveries")
    if sentence is None and missing:
        days = ", ".join(f"{day} ({kind})" for day, kind in missing[:5])
        more = f" and {len(missing) - 5:,} more" if len(missing) > 5 else ""
        sentence = f"{counted(len(missing), 'file')} missing: {days}{more}."
    elif sentence is None and (elsewhere or scope.stalled):
        sentence = "In these days no file is missing."
    elif sentence is None:
        sentence = "Complete: every kind has a file for every day since its first."
    if elsewhere:
        sentence += f" Missing before and after these days: {counted(elsewhere, 'file')}."
    found = [finding.sentence for finding in in_words([Row(*row) for row in results["feed_findings"].rows])]
    sentence = " ".join([sentence, *(f"{_capital(text)}." for text in [scope.stalled, *found] if text)])
    return Section("feed", "Is the data complete?", sentence, parts, open_table=True)


def _spend(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["spend"], results["spend_daily"]]
    sentence = _nothing(parts[:1], "charged calls")
    if sentence is None:
        rows = parts[0].dicts()
        amounts = []
        for row in rows:
            change = _change(row["amount"], row["previous_amount"])
            amounts.append(f"{row['currency']} {row['amount']:,.2f}{f' ({change})' if change else ''}")
        sentence = f"{'; '.join(amounts)}."
        if (total := _sum(rows, "amount_reporting")) is not None:
            sentence = f"{_money(scope, total)} in all, converted. {sentence}"
        if unconverted := sum(row["unconverted_calls"] for row in rows):
            sentence += f" {counted(unconverted, 'call')} in a currency without a rate: not in that sum."
        if scope.is_compared:
            sentence += f" Changes are against the {counted(scope.days, 'day')} before."
    rows = parts[1].dicts()
    section = Section("spend", "What did we spend?", sentence, parts)
    if rows:
        section.chart = charts.stacked_days(rows, "amount_reporting", "call_type", _unit(scope))
        section.legend = list(dict.fromkeys(row["call_type"] for row in rows))
        section.sentence += _hollow(rows)
    return section


def _quality(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["quality_by_kind"]]
    rows = parts[0].dicts()
    section = Section("quality", "How good were the calls?", _nothing(parts, "calls") or "", parts)
    if not rows:
        return section
    ratios = []
    kinds = list(dict.fromkeys(row["call_type"] for row in rows))
    for kind in kinds:
        of_kind = [row for row in rows if row["call_type"] == kind]
        _add_mean([row for row in of_kind if row["has_file"]], "asr", "answers", "seizures")
        bids, seizures, answers = (
            sum(row[name] for row in of_kind) for name in ("bids", "seizures", "answers")
        )
        asr = f"{100 * answers / seizures:.1f} %" if seizures else "unknown"
        ratios.append(f"{kind} {bids:,} calls, {answers:,} answered: ASR {asr}")
    section.sentence = f"{'; '.join(ratios)}. Lines: ASR of {_MEAN_DAYS} days together.{_hollow(rows)}"
    section.chart = charts.lines(rows, "asr", "call_type", "share of seizures")
    section.legend = kinds
    return section


def _length(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["quality"]]
    rows = [{**row, "name": "ALOC"} for row in parts[0].dicts() if row["aloc_seconds"] is not None]
    section = Section(
        "length", "How long did people talk?", _nothing(parts, "calls") or "No answered calls.", parts
    )
    if rows:
        talk, answers = _sum(rows, "talk_seconds"), _sum(rows, "timed_answers")
        section.sentence = f"ALOC was {talk / answers:,.0f} s."
        if whole := [row for row in rows if row["has_file"]]:
            _add_mean(whole, "aloc_seconds", "talk_seconds", "timed_answers")
            longest = max(whole, key=lambda row: row["aloc_seconds"])
            section.sentence = (
                f"ALOC was {talk / answers:,.0f} s; "
                f"it was highest on {longest['report_date']}: {longest['aloc_seconds']:,.0f} s; "
                f"on {whole[-1]['report_date']}, the last day, {whole[-1]['aloc_seconds']:,.0f} s."
            )
        section.sentence += _hollow(rows)
        section.chart = charts.lines(rows, "aloc_seconds", "name", "seconds", percent=False)
        section.legend = ["ALOC"]
    return section


def _failures(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["failures"]]
    rows = parts[0].dicts()
    section = Section("failures", "Why did calls fail?", _nothing(parts, "failed calls") or "", parts)
    if rows:
        top = rows[0]
        section.sentence = (
            f"{counted(sum(row['calls'] for row in rows), 'call')} without an answer, "
            f"most often {top['outcome']} ({top['reason']}), side {top['outcome_side']}: {top['calls']:,}."
        )
        bars = [
            {"label": f"{row['outcome']} · {row['reason']}", "calls": row["calls"], "of": row["outcome_side"]}
            for row in rows
        ]
        bars = _with_rest(bars, _BARS, "calls", "{} other reasons")
        section.chart = charts.ranked(bars, "label", "calls", "of", "calls")
        section.legend = list(dict.fromkeys(bar["of"] for bar in bars))
    return section


def _destinations(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["destinations"], results["effective_rates"], results["rate_changes"]]
    rows = parts[0].dicts()
    section = Section(
        "destinations", "Where does the money go?", _nothing(parts[:1], "charged calls") or "", parts
    )
    spent = [row for row in rows if row["amount_reporting"] is not None]
    if rows:
        clauses = []
        if spent:
            clauses.append(f"{_money(scope, _sum(spent, 'amount_reporting'))} in all")
        known = [row for row in spent if row["country"] is not None]
        if known:
            top = known[0]
            clauses.append(
                f"most to {top['country_name']}: {_money(scope, top['amount_reporting'])} "
                f"for {top['minutes']:,.0f} minutes"
            )
        unknown = [row for row in spent if row["country"] is None]
        clauses += [
            f"the country of {_money(scope, row['amount_reporting'])} is not known" for row in unknown
        ]
        clauses.append(counted(len(parts[2].rows), "rate change"))
        section.sentence = f"{'; '.join(clauses)}."
        if unconverted := sum(row["unconverted_calls"] for row in rows):
            section.sentence += f" {counted(unconverted, 'call')} in a currency without a rate: not in it."
    if spent:
        bars, rest = (
            [
                {"label": row["country_name"], "amount": row["amount_reporting"], "of": "amount"}
                for row in part
            ]
            for part in (known, unknown)
        )
        bars = _with_rest(bars, _BARS, "amount", "{} other countries")
        section.chart = charts.ranked([*bars, *rest], "label", "amount", "of", _unit(scope), digits=2)
    return section


def _users(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["users"]]
    rows = parts[0].dicts()
    sentence = _nothing(parts, "spend by user")
    if sentence is None:
        of_user = [row for row in rows if row["user_id"] == rows[0]["user_id"]]
        amounts = ", ".join(
            f"{row['currency']} {row['amount']:,.2f}"
            + (f" ({rate:,.4f} a charged minute)" if (rate := row["effective_rate_per_minute"]) else "")
            for row in of_user
        )
        total = _sum(of_user, "amount_reporting")
        sentence = (
            f"{rows[0]['user_id']} spent most: "
            + (f"{_money(scope, total)}, as " if total is not None else "")
            + f"{amounts}, in {counted(sum(row['calls'] for row in of_user), 'call')}."
        )
    return Section("users", "Who spends most?", sentence, parts, open_table=bool(rows))


def _traffic(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["traffic"], results["busy_hours"]]
    section = Section("traffic", "When is it busy?", _nothing(parts, "traffic") or "", parts)
    busiest = parts[1].dicts()
    if busiest:
        top = busiest[0]
        peak = min(busiest, key=lambda row: (-row["peak_concurrent_calls"], row["date"]))
        section.sentence = (
            f"The busiest hour began {top['busy_hour']:%Y-%m-%d %H:%M} UTC: {top['erlangs']:,.1f} erlangs, "
            f"for which 1 % loss asks for {counted(top['lines_at_1pct'], 'line')}; "
            f"up to {counted(peak['peak_concurrent_calls'], 'call')} in conversation at once "
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
        shown = len(parts[0].shown)
        which = "all are shown" if shown == len(rows) else f"the {shown} most severe are shown"
        sentence = (
            f"{counted(critical, 'critical signal')} among {len(rows):,}; {which}. Signals are no verdicts."
        )
    silent = [row["rule"] for row in parts[2].dicts() if row["status"] == "silent"]
    if silent:
        sentence += f" Silent until there is more history: {', '.join(silent)}."
    return Section("signals", "Does anything look wrong?", sentence, parts, open_table=bool(rows))


def _exceptions(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["exceptions"], results["exceptional_calls"]]
    rows = parts[0].dicts()
    sentence = _nothing(parts, "cost exceptions")
    if sentence is None:
        rules = Counter[str]()
        for row in rows:
            rules[row["rule"]] += row["calls"]
        ((rule, most),) = rules.most_common(1)
        calls = sum(row["calls"] for row in parts[1].dicts())
        sentence = f"{counted(calls, 'call')} with a cost that a rule questions, most by {rule}: {most:,}."
    return Section("exceptions", "Which charges are odd?", sentence, parts, open_table=bool(rows))


def _invoices(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["invoices"]]
    rows = parts[0].dicts()
    sentence = _nothing(parts, "invoices or amounts")
    if sentence is None:
        billed = [row for row in rows if row["invoice_amount"] is not None]
        verdicts = Counter(row["verdict"] for row in billed)
        sentence = (
            f"Of {counted(len(billed), 'invoiced amount')} {verdicts['matches']} match the records, "
            f"{verdicts['differs']} differ, {verdicts['incomplete_feed']} lack files, "
            f"{verdicts['no_traffic']} have no amount in the records."
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


def _sum(rows: list[dict[str, Any]], column: str) -> Any:
    """The sum of what is known, or None."""
    known = [row[column] for row in rows if row[column] is not None]
    return sum(known) if known else None


def _with_rest(bars: list[dict[str, Any]], most: int, value: str, label: str) -> list[dict[str, Any]]:
    """The first bars, and one for all others, so that the chart adds up to what its sentence names."""
    rest = bars[most:]
    if not rest:
        return bars
    of = {bar["of"] for bar in rest}
    name = of.pop() if len(of) == 1 else "several"
    return [*bars[:most], {"label": label.format(len(rest)), value: _sum(rest, value), "of": name}]


def _hollow(rows: list[dict[str, Any]]) -> str:
    """What hollow marks are, where the chart has any."""
    return "" if all(row["has_file"] for row in rows) else " Hollow: days without a file, late calls alone."


def _money(scope: Scope, amount: Decimal) -> str:
    """An amount in the reporting currency."""
    return f"{scope.currency} {amount:,.2f}".strip()


def _unit(scope: Scope) -> str:
    return scope.currency or "reporting currency"


def _change(now: Decimal, before: Decimal | None) -> str:
    return f"{100 * (now - before) / abs(before):+.1f} %" if before else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
