"""Outcomes, signals and ids in a person's words."""

import re
from typing import Any

# GUIDs and hashes: their beginning is enough to distinguish them.
_ID = re.compile(r"\b(?=[0-9a-f-]*\d)([0-9a-f]{8})(?:(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,})\b")

# What happened to a call without an answer; who caused it follows.
OUTCOMES = {
    "user_busy": "busy",
    "ring_no_answer": "rang, no answer",
    "rejected": "refused",
    "unanswered_hangup": "ended before an answer",
    "caller_abandoned": "gave up before an answer",
    "cancelled_by_application": "cancelled before an answer",
    "policy_blocked": "blocked by a rule",
    "no_credit": "out of credit",
    "network_failure": "failed on the way",
    "failed_contradictory": "failed, for a reason that cannot be",
    "failed_other": "failed, for another reason",
    "invalid_destination": "no such number or user",
    "application_error": "callback failed",
    "barred": "not let in at the far end",
    "access_failure": "no connection to the network",
    "unclassified": "no known result",
}

# What a rule saw, and whether its figures are money, shares or numbers.
SIGNALS = {
    "spend_spike": ("spent {}", "money"),
    "answer_ratio_drop": ("{} of the calls were answered", "share"),
    "short_call_burst": ("at least {} of the answers ended within seconds", "share"),
    "new_destination": ("spent {} in a country that is new to it", "money"),
    "irsf_like": ("{} minutes to one destination within an hour", "number"),
    "wangiri_like": ("called {} numbers, with hardly any talk", "number"),
    "targeted_pumping": ("{} calls within 15 minutes", "number"),
    "toll_free_pumping": ("{} calls, most from callers who called again", "number"),
    "dialer_like": ("{} of the answers were no conversation", "share"),
    "low_trust_number": ("at least {} of the answers ended within seconds", "share"),
    "fas_like": ("{} answers at once, or short calls for each hang-up", "ratio"),
    "off_hours_share": ("{} of the spend was at night", "share"),
    "no_failures": ("{} calls, and not one unanswered", "number"),
}


def shortened_ids(text: str) -> str:
    """A text with the first eight characters of each GUID and hash."""
    return _ID.sub(r"\1…", text)


def outcome_in_words(outcome: str, side: str) -> str:
    """What happened, and who caused it where that is known."""
    words = OUTCOMES.get(outcome, outcome.replace("_", " "))
    return words if side == "unknown" else f"{words} ({side.replace('_', ' ')})"


def signal_in_words(signal: dict[str, Any], currency: str) -> str:
    """What a signal saw, what is usual, and from where on the rule fires."""
    seen, unit = SIGNALS.get(signal["rule"], ("{} observed", "ratio"))
    usual = signal["baseline"]
    parts = [
        f"{signal['signal_date']}, {signal['severity']}: {shortened_ids(signal['entity'])}",
        seen.format(_figure(signal["observed"], unit, currency)),
    ]
    against = [f"usually {_figure(usual, unit, currency)}"] if usual is not None else []
    against.append(f"limit {_figure(signal['threshold'], unit, currency)}")
    return f"{' – '.join(parts)}; {', '.join(against)} ({signal['rule']})."


def _figure(value: float, unit: str, currency: str) -> str:
    match unit:
        case "money":
            return f"{currency} {value:,.2f}".strip()
        case "share":
            return f"{100 * value:.1f} %"
        case "number":
            return f"{value:,.0f}"
        case _:
            return f"{value:,.2f}"
