"""What is wrong: in the feed, with the traffic, with charges and with invoices."""

from collections import Counter
from collections.abc import Callable

from loader.database.feed import Row, in_words
from loader.report.queries import Result, Scope
from loader.report.section import Section, not_built, nothing, total
from loader.report.words import shortened_ids, signal_in_words
from loader.text import counted


def findings(scope: Scope, results: dict[str, Result]) -> tuple[list[Section], list[Section]]:
    """What is wrong, or not built and so not looked at; and that with which nothing is."""
    wrong: list[Section] = []
    right: list[Section] = []
    for look in _LOOKS:
        section = look(scope, results)
        (right if section.quiet else wrong).append(section)
    if waiting := _waiting_rules(results["signal_rules"]):
        wrong.append(waiting)
    return wrong, right


def _feed(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results[name] for name in ("feed", "missing_days", "missing_elsewhere", "feed_findings")]
    missing = results["missing_days"].rows
    elsewhere = sum(row["files"] for row in results["missing_elsewhere"].dicts())
    quiet = ""
    sentence = nothing(parts[:1], "deliveries")
    if sentence is None and missing:
        days = ", ".join(f"{day} ({kind})" for day, kind in missing[:5])
        more = f" and {len(missing) - 5:,} more" if len(missing) > 5 else ""
        sentence = f"{counted(len(missing), 'file')} missing: {days}{more}."
    elif sentence is None and (elsewhere or scope.stalled):
        sentence = "In these days no file is missing."
    elif sentence is None:
        sentence, quiet = "Complete: every kind has a file for every day since its first.", "the feed"
    if elsewhere:
        sentence += f" Missing before and after these days: {counted(elsewhere, 'file')}."
    found = [finding.sentence for finding in in_words([Row(*row) for row in results["feed_findings"].rows])]
    if found:
        quiet = ""
    sentence = " ".join([sentence, *(f"{_capital(text)}." for text in [scope.stalled, *found] if text)])
    return Section("feed", "Feed", sentence, parts, quiet=quiet)


def _signals(scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["signals"], results["signal_weeks"], results["signal_rules"]]
    rows = parts[0].dicts()
    sentence = nothing(parts[:2], "signals")
    section = Section("signals", "Signals", sentence or "", parts, quiet="signals")
    if parts[0].missing:
        section.quiet = ""
    elif rows:
        critical = sum(row["severity"] == "critical" for row in rows)
        shown = len(parts[0].shown)
        which = "all are shown" if shown == len(rows) else f"the {shown} most severe are shown"
        section.sentence = (
            f"{counted(critical, 'critical signal')} among {len(rows):,}; {which}. Signals are no verdicts."
        )
        section.items = [signal_in_words(row, scope.reporting_currency) for row in rows[:shown]]
        section.quiet = ""
    return section


def _waiting_rules(result: Result) -> Section | None:
    """Which rules can't fire, or in part only, and why."""
    of_status: dict[str, list[str]] = {}
    for row in result.dicts():
        text = row["rule"]
        if row["status"] != "off":
            text += (
                f" needs {counted(row['days_needed'], 'day')} of history, has {row['days_of_history']}"
                if row["days_of_history"] < row["days_needed"]
                else " waits for the next build"
            )
        of_status.setdefault(row["status"], []).append(text)
    words = {
        "silent": "Can't fire yet: {}.",
        "short_history": "Fire in part, or above a higher limit, for lack of history: {}.",
        "off": "Switched off in the seed signal_rules: {}.",
    }
    sentences = [text.format("; ".join(of_status[name])) for name, text in words.items() if name in of_status]
    return Section("rules", "Signal rules", " ".join(sentences), []) if sentences else None


def _overcharges(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["overcharges"]]
    sentence = nothing(parts, "overcharges by the rate card")
    section = Section(
        "overcharges", "Overcharges", sentence or "", parts, quiet="overcharges by the rate card"
    )
    if parts[0].missing:
        section.quiet = ""
    elif rows := parts[0].dicts():
        amounts = [
            f"{currency} {total([row for row in rows if row['currency'] == currency], 'overcharge'):,.2f}"
            for currency in dict.fromkeys(row["currency"] for row in rows)
        ]
        top = rows[0]
        section.sentence = (
            f"{counted(sum(row['calls'] for row in rows), 'call')} cost more than by the rate card: "
            f"{' and '.join(amounts)} too much; most for {shortened_ids(top['application'])} "
            f"to {top['country']}: {top['currency']} {top['overcharge']:,.2f}."
        )
        section.quiet = ""
    return section


def _exceptions(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["exceptions"], results["exceptional_calls"]]
    rows = parts[0].dicts()
    sentence = nothing(parts, "cost exceptions")
    quiet = "" if not_built(parts) or rows else "cost exceptions"
    if sentence is None:
        rules = Counter[str]()
        for row in rows:
            rules[row["rule"]] += row["calls"]
        ((rule, most),) = rules.most_common(1)
        calls = sum(row["calls"] for row in parts[1].dicts())
        sentence = f"{counted(calls, 'call')} with a cost that a rule questions, most by {rule}: {most:,}."
    return Section("exceptions", "Cost exceptions", sentence, parts, quiet=quiet)


def _invoices(_scope: Scope, results: dict[str, Result]) -> Section:
    parts = [results["invoices"]]
    rows = parts[0].dicts()
    sentence = nothing(parts, "invoices or amounts")
    section = Section("invoices", "Invoices", sentence or "", parts, quiet="invoices (none given)")
    if parts[0].missing:
        section.quiet = ""
    elif rows:
        billed = [row for row in rows if row["invoice_amount"] is not None]
        verdicts = Counter(row["verdict"] for row in billed)
        section.sentence = (
            f"Of {counted(len(billed), 'invoiced amount')} {verdicts['matches']} match the records, "
            f"{verdicts['differs']} differ, {verdicts['incomplete_feed']} lack files, "
            f"{verdicts['no_traffic']} have no amount in the records."
            if billed
            else "No invoices are given; these are the amounts that the records add up to."
        )
        if billed:
            section.quiet = "invoices" if verdicts["matches"] == len(billed) else ""
    return section


_LOOKS: tuple[Callable[[Scope, dict[str, Result]], Section], ...] = (
    _feed,
    _signals,
    _overcharges,
    _exceptions,
    _invoices,
)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
