"""The report: one HTML file that needs no network."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from loader.database.connection import opened
from loader.database.workspace import working
from loader.errors import CdrError
from loader.report import charts
from loader.report.queries import Result, Scope, run_all, scope_of
from loader.report.section import Section, change, money, not_built, nothing, total
from loader.report.words import outcome_in_words, shortened_ids
from loader.report.wrong import findings
from loader.text import counted

_TEMPLATE = "page.html.j2"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MEAN_DAYS = 7
# Of a chart, before the one for all others.
_BARS = 12
# A longer text in a cell may break anywhere.
_LONG_TEXT = 20


@dataclass(frozen=True)
class Tile:
    """A figure of the headline, its change against the days before ("" without any) and its sparkline."""

    label: str
    value: str
    change: str
    spark: str


def write_report(
    database: Path,
    out: Path,
    first: date | None = None,
    last: date | None = None,
    application: str | None = None,
    currency: str | None = None,
    wait: float = 0,
) -> Scope:
    """Write the page of the report dates from `first` to `last`, by default the last thirty.

    Raises CdrError when the marts are not built, the group `report` is missing or `out` cannot be written.
    """
    charts.require_altair()
    with opened(database, "read", wait, is_publication=True) as connection:
        scope = scope_of(connection, first, last, application, currency)
        results = run_all(connection, scope)
    text = _rendered(scope, results)
    if out.exists() and not out.is_file():
        raise CdrError(f"{out} is not a file; name another")
    try:
        with working(database) as workspace, workspace.replacing(out) as new:
            new.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CdrError(f"cannot write {out} ({error.strerror}); name another file") from error
    return scope


def _rendered(scope: Scope, results: dict[str, Result]) -> str:
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
    environment.filters["full"] = _full
    wrong, right = findings(scope, results)
    return environment.get_template(_TEMPLATE).render(
        scope=scope,
        headline=_headline(scope, results),
        tiles=_tiles(scope, results),
        wrong=wrong,
        right=right,
        sections=[make(scope, results) for make in _SECTIONS],
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
            if column.removeprefix("previous_") in ("asr", "ner"):
                return f"{100 * value:.1f} %"
            return f"{value:,.{digits}f}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case _:
            return shortened_ids(str(value))


def _full(value: Any) -> str:
    """The whole text of a cell that shows a part of it, or ""."""
    return value if isinstance(value, str) and shortened_ids(value) != value else ""


def _numbers(result: Result) -> list[bool]:
    """Whether each column is of numbers, those that are null in some rows too."""
    columns = zip(*result.shown, strict=True)
    return [
        any(isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in column)
        for column in columns
    ]


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


def _headline(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results[name] for name in ("headline", "kinds", "busy_days")]
    days = counted(scope.days, "day")
    sentence = (
        f"Changes are against the {days} before."
        if scope.is_compared
        else f"No changes are shown: of these days or of the {days} before, not all have all files."
    )
    if kinds := results["kinds"].dicts():
        sentence += f" ASR and NER are those of {kinds[0]['call_type']}, the kind with the most seizures."
    sentence += " Lines leave out days without a file."
    return Section("headline", "At a glance", not_built(parts) or sentence, parts)


def _tiles(scope: Scope, results: dict[str, Result]) -> list[Tile]:
    """Spend, calls, minutes, the ratios of the kind with the most seizures (one ratio over all kinds would
    mean nothing) and the busiest hour; each where its mart is built.
    """
    days = results["headline"].dicts()
    spark = _by_day(scope, days)
    tiles = []
    for label, column, digits in (
        (f"Spend, {_unit(scope)}", "spend", 2),
        ("Calls", "calls", 0),
        ("Minutes", "minutes", 0),
    ):
        now, before = (
            total([row for row in days if (row["report_date"] >= scope.first) == is_now], column)
            for is_now in (True, False)
        )
        value = f"{now:,.{digits}f}" if now is not None else "–"
        tiles.append(Tile(label, value, change(now, before), spark(column)))
    if kinds := results["kinds"].dicts():
        top = kinds[0]
        spark = _by_day(
            scope, [row for row in results["quality_by_kind"].dicts() if row["call_type"] == top["call_type"]]
        )
        for ratio in ("asr", "ner"):
            now, before = top[ratio], top[f"previous_{ratio}"]
            value = f"{100 * now:.1f} %" if now is not None else "–"
            points = f"{100 * (now - before):+.1f} points" if None not in (now, before) else ""
            tiles.append(Tile(ratio.upper(), value, points, spark(ratio)))
    if hours := results["busy_days"].dicts():
        hours = [{**row, "report_date": row["date"]} for row in hours]
        now, before = (
            max((row["erlangs"] for row in hours if (row["date"] >= scope.first) == is_now), default=None)
            for is_now in (True, False)
        )
        value = f"{now:,.1f}" if now is not None else "–"
        tiles.append(Tile("Busy-hour erlangs", value, change(now, before), _by_day(scope, hours)("erlangs")))
    return tiles


def _by_day(scope: Scope, rows: list[dict[str, Any]]) -> Callable[[str], str]:
    """A function that draws a column's sparkline over the days of the page that have files."""
    by_day = {row["report_date"]: row for row in rows if row["has_file"]}
    days = [scope.first + timedelta(days=at) for at in range(scope.days)]
    return lambda column: charts.sparkline([by_day[day][column] if day in by_day else None for day in days])


def _spend(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["spend"], results["spend_daily"]]
    sentence = nothing(parts[:1], "charged calls")
    if sentence is None:
        rows = parts[0].dicts()
        amounts = []
        for row in rows:
            by = change(row["amount"], row["previous_amount"])
            amounts.append(f"{row['currency']} {row['amount']:,.2f}{f' ({by})' if by else ''}")
        sentence = f"{'; '.join(amounts)}."
        if scope.only_currency is None and (spent := total(rows, "spend")) is not None:
            sentence = f"{money(scope, spent)} in all, converted. {sentence}"
        if unconverted := _unconverted(scope, rows):
            sentence += f" {counted(unconverted, 'call')} in a currency without a rate: not in that sum."
        if scope.is_compared:
            sentence += f" Changes are against the {counted(scope.days, 'day')} before."
    rows = parts[1].dicts()
    section = Section("spend", "What did we spend?", sentence, parts)
    if rows:
        section.chart = charts.stacked_days(rows, "spend", "call_type", _unit(scope))
        section.legend = charts.legend([row["call_type"] for row in rows])
        section.sentence += _hollow(rows)
    return section


def _quality(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["quality_by_kind"]]
    rows = parts[0].dicts()
    section = Section("quality", "How good were the calls?", nothing(parts, "calls") or "", parts)
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
    section.legend = charts.legend(kinds)
    return section


def _length(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["quality"]]
    rows = [{**row, "name": "ALOC"} for row in parts[0].dicts() if row["aloc_seconds"] is not None]
    section = Section(
        "length", "How long did people talk?", nothing(parts, "calls") or "No answered calls.", parts
    )
    if rows:
        talk, answers = total(rows, "talk_seconds"), total(rows, "timed_answers")
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
        section.legend = charts.legend(["ALOC"])
    return section


def _failures(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["failures"]]
    rows = parts[0].dicts()
    section = Section("failures", "Why did calls fail?", nothing(parts, "failed calls") or "", parts)
    if rows:
        of_outcome: dict[tuple[str, str], int] = defaultdict(int)
        for row in rows:
            of_outcome[row["outcome"], row["outcome_side"]] += row["calls"]
        ranked = sorted(of_outcome.items(), key=lambda item: (-item[1], item[0]))
        ((outcome, side), most) = ranked[0]
        section.sentence = (
            f"{counted(sum(of_outcome.values()), 'call')} without an answer, most often: "
            f"{outcome_in_words(outcome, side)}, {most:,}."
        )
        bars: list[dict[str, Any]] = [
            {"label": outcome_in_words(outcome, side), "calls": calls, "of": side.replace("_", " ")}
            for (outcome, side), calls in ranked
        ]
        bars = _with_rest(bars, _BARS, "calls", "{} other outcomes")
        section.chart = charts.ranked(bars, "label", "calls", "of", "calls")
        section.legend = charts.legend([bar["of"] for bar in bars])
    return section


def _applications(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["applications"]]
    rows = parts[0].dicts()
    section = Section("applications", "Spend by application", nothing(parts, "charged calls") or "", parts)
    if rows:
        top = rows[0]
        section.sentence = (
            f"{money(scope, total(rows, 'spend'))} in all; most by {shortened_ids(top['application'])}: "
            f"{money(scope, top['spend'])} for {top['minutes']:,.0f} minutes{_by(top)}."
        )
        bars: list[dict[str, Any]] = [
            {"label": shortened_ids(row["application"]), "amount": row["spend"], "of": "amount"}
            for row in rows
        ]
        bars = _with_rest(bars, _BARS, "amount", "{} other applications")
        section.chart = charts.ranked(bars, "label", "amount", "of", _unit(scope), digits=2)
    return section


def _destinations(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["destinations"], results["effective_rates"], results["rate_changes"]]
    rows = parts[0].dicts()
    section = Section(
        "destinations", "Spend by destination", nothing(parts[:1], "charged calls") or "", parts
    )
    spent = [row for row in rows if row["spend"] is not None]
    if rows:
        clauses = []
        if spent:
            clauses.append(f"{money(scope, total(spent, 'spend'))} in all")
        known = [row for row in spent if row["country"] is not None]
        if known:
            top = known[0]
            clauses.append(
                f"most to {top['country_name']}: {money(scope, top['spend'])} "
                f"for {top['minutes']:,.0f} minutes{_by(top)}"
            )
        unknown = [row for row in spent if row["country"] is None]
        clauses += [f"the country of {money(scope, row['spend'])} is not known" for row in unknown]
        clauses.append(counted(len(parts[2].rows), "rate change"))
        section.sentence = f"{'; '.join(clauses)}."
        if unconverted := _unconverted(scope, rows):
            section.sentence += f" {counted(unconverted, 'call')} in a currency without a rate: not in it."
    if spent:
        bars, rest = (
            [{"label": row["country_name"], "amount": row["spend"], "of": "amount"} for row in part]
            for part in (known, unknown)
        )
        bars = _with_rest(bars, _BARS, "amount", "{} other countries")
        section.chart = charts.ranked([*bars, *rest], "label", "amount", "of", _unit(scope), digits=2)
    return section


def _users(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["users"]]
    rows = parts[0].dicts()
    sentence = nothing(parts, "spend by user")
    if sentence is None:
        of_user = [row for row in rows if row["user_id"] == rows[0]["user_id"]]
        amounts = ", ".join(
            f"{row['currency']} {row['amount']:,.2f}"
            + (f" ({rate:,.4f} a charged minute)" if (rate := row["effective_rate_per_minute"]) else "")
            for row in of_user
        )
        spent = total(of_user, "spend")
        sentence = (
            f"{shortened_ids(rows[0]['user_id'])} spent most: "
            + (f"{money(scope, spent)}, as " if spent is not None and scope.only_currency is None else "")
            + f"{amounts}, in {counted(sum(row['calls'] for row in of_user), 'call')}."
        )
    return Section("users", "Who spends most?", sentence, parts, open_table=bool(rows))


def _traffic(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["traffic"], results["busy_hours"]]
    section = Section("traffic", "When is it busy?", nothing(parts, "traffic") or "", parts)
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
        loads = parts[0].dicts()
        section.chart = charts.heat_map(loads, "hour_of_day", "weekday", "erlangs", _WEEKDAYS)
        section.legend = charts.heat_legend(loads, "erlangs", "erlangs")
    return section


_SECTIONS: tuple[Callable[[Scope, dict[str, Result]], Section], ...] = (
    _spend,
    _applications,
    _destinations,
    _users,
    _quality,
    _length,
    _failures,
    _traffic,
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


def _with_rest(bars: list[dict[str, Any]], most: int, value: str, label: str) -> list[dict[str, Any]]:
    """The first bars, and one for all others, so that the chart adds up to what its sentence names."""
    rest = bars[most:]
    if len(rest) < 2:
        return bars
    of = {bar["of"] for bar in rest}
    name = of.pop() if len(of) == 1 else "several"
    return [*bars[:most], {"label": label.format(len(rest)), value: total(rest, value), "of": name}]


def _hollow(rows: list[dict[str, Any]]) -> str:
    """What hollow marks are, where the chart has any."""
    return "" if all(row["has_file"] for row in rows) else " Hollow: days without a file, late calls alone."


def _by(row: dict[str, Any]) -> str:
    """The change of a row's spend, in brackets."""
    by = change(row["spend"], row["previous_spend"])
    return f" ({by})" if by else ""


def _unconverted(scope: Scope, rows: list[dict[str, Any]]) -> int:
    """Calls whose charge is in no sum for lack of a rate: none where nothing is converted."""
    return 0 if scope.only_currency else sum(row["unconverted_calls"] for row in rows)


def _unit(scope: Scope) -> str:
    return scope.currency or "reporting currency"
