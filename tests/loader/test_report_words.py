"""The texts and drawings of the page for a few rows of its queries, to the letter."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from loader.report.charts import (
    _days,
    _plain,
    _themed,
    _wrapped,
    heat_legend,
    heat_map,
    legend,
    lines,
    ranked,
    sparkline,
    stacked_days,
)
from loader.report.queries import Query, Result, Scope
from loader.report.section import Section, change, money, total
from loader.report.wrong import findings

D1, D2 = date(2026, 11, 1), date(2026, 11, 2)
COLUMNS = {
    "feed": ("call_type",),
    "missing_days": ("file_date", "call_type"),
    "missing_elsewhere": ("call_type", "files"),
    "feed_findings": (
        *("finding", "call_type", "files", "calls"),
        *("of_calls", "share", "first_date", "last_date"),
    ),
    "signals": ("signal_date", "severity", "rule", "entity", "observed", "baseline", "threshold"),
    "signal_weeks": ("rule", "week", "signals"),
    "signal_rules": ("rule", "status", "days_of_history", "days_needed"),
    "overcharges": ("application", "country", "currency", "calls", "overcharge"),
    "exceptions": ("rule", "currency", "calls"),
    "exceptional_calls": ("currency", "calls"),
    "invoices": ("invoice_amount", "verdict"),
}
MISSING: Any = "mart_x"


def looked_at(scope: Scope | None = None, limit: int | None = None, **rows: Any) -> tuple[Any, Any]:
    """What is wrong and what is right for these rows, by section; MISSING: the mart is not built."""
    query = Query("Title", "Caption", "select", limit)
    results = {}
    for name, columns in COLUMNS.items():
        found = rows.get(name, [(1,)] if name == "feed" else [])
        is_missing = found is MISSING
        results[name] = Result(
            name, query, "", columns, [] if is_missing else found, MISSING if is_missing else ""
        )
    wrong, right = findings(scope or Scope(D1, D2, reporting_currency="EUR"), results)
    return {each.id: each for each in wrong}, {each.id: each for each in right}


def sentence(name: str, **rows: Any) -> str:
    """The sentence about something that is wrong."""
    wrong, _ = looked_at(**rows)
    section: Section = wrong[name]
    assert section.quiet == ""
    return section.sentence


def test_nothing_is_wrong() -> None:
    wrong, right = looked_at()
    assert wrong == {}
    assert {name: (section.sentence, section.quiet) for name, section in right.items()} == {
        "feed": ("Complete: every kind has a file for every day since its first.", "the feed"),
        "signals": ("No signals in these days.", "signals"),
        "overcharges": ("No overcharges by the rate card in these days.", "overcharges by the rate card"),
        "exceptions": ("No cost exceptions in these days.", "cost exceptions"),
        "invoices": ("No invoices or amounts in these days.", "invoices (none given)"),
    }


def test_what_is_not_built_is_not_said_to_be_right() -> None:
    names = [name for name in COLUMNS if name != "signal_rules"]
    wrong, right = looked_at(**dict.fromkeys(names, MISSING))
    assert right == {}
    assert {section.sentence for section in wrong.values()} == {
        "mart_x is not built in this database; `cdr build` makes it."
    }
    assert set(wrong) == {"feed", "signals", "overcharges", "exceptions", "invoices"}


def test_missing_files_are_named_up_to_five() -> None:
    days = [(D1, "sip"), (D2, "a"), (D2, "b"), (D2, "c"), (D2, "d"), (D2, "e"), (D2, "f")]
    five = "2026-11-01 (sip), 2026-11-02 (a), 2026-11-02 (b), 2026-11-02 (c), 2026-11-02 (d)"
    assert sentence("feed", missing_days=days[:1]) == "1 file missing: 2026-11-01 (sip)."
    assert sentence("feed", missing_days=days[:5]) == f"5 files missing: {five}."
    assert sentence("feed", missing_days=days[:6]) == f"6 files missing: {five} and 1 more."
    both = sentence("feed", missing_days=days, missing_elsewhere=[("sip", 2), ("a", 3)])
    assert both == (f"7 files missing: {five} and 2 more. Missing before and after these days: 5 files.")


def test_a_feed_without_missing_files_may_have_other_errors() -> None:
    none = "In these days no file is missing."
    elsewhere = sentence("feed", missing_elsewhere=[("sip", 1)])
    assert elsewhere == f"{none} Missing before and after these days: 1 file."
    wrong, _ = looked_at(Scope(D1, D2, stalled="nothing for 3 days"))
    assert wrong["feed"].sentence == f"{none} Nothing for 3 days."
    mixed = [("mixed_days", "sip", 1, 3, 4, 0.75, D1, D2), ("mixed_days", "app", 2, 1, 4, 0.25, D1, D1)]
    assert sentence("feed", feed_findings=mixed) == (
        "Complete: every kind has a file for every day since its first. Days mixed in 3 files (sip, app; "
        "2026-11-01 to 2026-11-02): 50 % of their calls ended on another day than the file's; is its day by "
        "another time zone, or does it hold several days?."
    )
    assert sentence("feed", feed=[]) == "No deliveries in these days."


def test_signals_are_counted_and_the_most_severe_shown() -> None:
    rows = [
        (D2, "critical", "spend_spike", "ann", 1250, 10.5, 52.5),
        (D1, "warn", "own_rule", "bob", 1.5, None, 1),
        (D1, "warn", "answer_ratio_drop", "cas", 0.455, 0.8, 0.6),
    ]
    wrong, right = looked_at(limit=2, signals=rows)
    assert "signals" not in right
    assert wrong["signals"].sentence == (
        "1 critical signal among 3; the 2 most severe are shown. Signals are no verdicts."
    )
    assert wrong["signals"].items == [
        "2026-11-02, critical: ann – spent EUR 1,250.00; usually EUR 10.50, limit EUR 52.50 (spend_spike).",
        "2026-11-01, warn: bob – 1.50 observed; limit 1.00 (own_rule).",
    ]
    wrong, _ = looked_at(limit=3, signals=rows)
    assert wrong["signals"].sentence == ("1 critical signal among 3; all are shown. Signals are no verdicts.")
    assert wrong["signals"].items[2] == (
        "2026-11-01, warn: cas – 45.5 % of the calls were answered; usually 80.0 %, limit 60.0 %"
        " (answer_ratio_drop)."
    )


def test_rules_that_wait_are_named_with_what_they_wait_for() -> None:
    rules = [
        ("alarm", "silent", 6, 7),
        ("burst", "silent", 0, 1),
        # Its history is there since the last build.
        ("drop", "silent", 7, 7),
        ("share", "short_history", 3, 28),
        ("spike", "off", 1, 7),
    ]
    assert sentence("rules", signal_rules=rules) == (
        "Can't fire yet: alarm needs 7 days of history, has 6; burst needs 1 day of history, has 0; "
        "drop waits for the next build. "
        "Fire in part, or above a higher limit, for lack of history: share needs 28 days of history, has 3. "
        "Switched off in the seed signal_rules: spike."
    )
    assert sentence("rules", signal_rules=rules[-1:]) == "Switched off in the seed signal_rules: spike."


def test_overcharges_are_added_up_by_currency() -> None:
    guid = "0a1b2c3d-0000-4000-8000-00000000000a"
    rows = [
        (guid, "Sweden", "EUR", 1200, Decimal("5.00")),
        ("Rides", "Norway", "SEK", 3, Decimal("4.25")),
        ("Rides", "Norway", "EUR", 1, Decimal("1.50")),
    ]
    assert sentence("overcharges", overcharges=rows) == (
        "1,204 calls cost more than by the rate card: EUR 6.50 and SEK 4.25 too much; "
        "most for 0a1b2c3d… to Sweden: EUR 5.00."
    )


def test_exceptions_name_the_rule_of_most_calls_over_all_currencies() -> None:
    rows = [("expensive", "EUR", 4), ("credit", "EUR", 3), ("credit", "SEK", 2)]
    assert sentence("exceptions", exceptions=rows, exceptional_calls=[("EUR", 6), ("SEK", 2)]) == (
        "8 calls with a cost that a rule questions, most by credit: 5."
    )


def test_invoices_are_right_where_all_match() -> None:
    verdicts = ["matches", "matches", "matches", "differs", "differs", "incomplete_feed", "no_traffic"]
    rows = [*((Decimal(5), verdict) for verdict in verdicts), (None, "differs")]
    assert sentence("invoices", invoices=rows) == (
        "Of 7 invoiced amounts 3 match the records, 2 differ, 1 lack files, 1 have no amount in the records."
    )
    _, right = looked_at(invoices=[rows[0], rows[-1]])
    assert right["invoices"].quiet == "invoices"
    assert right["invoices"].sentence.startswith("Of 1 invoiced amount 1 match the records, 0 differ")
    _, right = looked_at(invoices=rows[-1:])
    assert right["invoices"].quiet == "invoices (none given)"
    assert right["invoices"].sentence == (
        "No invoices are given; these are the amounts that the records add up to."
    )


def test_amounts_and_changes() -> None:
    rows = [{"amount": 2}, {"amount": None}, {"amount": 3}]
    assert (total(rows, "amount"), total(rows[1:2], "amount")) == (5, None)
    assert money(Scope(D1, D2, reporting_currency="EUR"), Decimal("1234.5")) == "EUR 1,234.50"
    assert money(Scope(D1, D2), Decimal("1234.5")) == "1,234.50"
    assert (change(3, 2), change(1, -2), change(1, 2)) == ("+50.0 %", "+150.0 %", "-50.0 %")
    assert (change(None, 2), change(3, None), change(3, 0), change(0, 2)) == ("", "", "", "-100.0 %")


def axis_of_days(first: date, last: date, width: int) -> tuple[list[str], list[str]]:
    """The days of a chart, and those with a label."""
    x = _days([{"report_date": last}, {"report_date": first}], width).to_dict()
    return x["scale"]["domain"], x["axis"]["values"]


def test_every_day_has_a_place_and_as_many_labels_as_fit() -> None:
    days, labels = axis_of_days(D1, date(2026, 11, 4), 4 * 48)
    assert days == labels == ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"]
    # One pixel less has no room for the fourth.
    assert axis_of_days(D1, date(2026, 11, 4), 4 * 48 - 1) == (days, ["2026-11-01", "2026-11-03"])
    assert axis_of_days(D1, date(2026, 11, 4), 10) == (days, ["2026-11-01"])
    assert axis_of_days(D1, D1, 10) == (["2026-11-01"], ["2026-11-01"])


def test_a_line_of_small_figures_needs_two_that_are_known() -> None:
    assert sparkline([None, 3, None]) == ""
    assert sparkline([]) == ""
    assert "<svg" in sparkline([3, None, 4])


def test_colours_of_the_heat_map_share_its_range() -> None:
    rows = [{"erlangs": Decimal("1.5")}, {"erlangs": Decimal(3)}]
    assert heat_legend(rows, "erlangs", "erlangs") == {
        "0.00 to 0.50 erlangs": "--heat-1",
        "0.50 to 1.00 erlangs": "--heat-2",
        "1.00 to 1.50 erlangs": "--heat-3",
        "1.50 to 2.00 erlangs": "--heat-4",
        "2.00 to 2.50 erlangs": "--heat-5",
        "2.50 to 3.00 erlangs": "--heat-6",
    }
    # Steps of one and more have one digit; without traffic the scale is of one erlang.
    assert list(heat_legend([{"erlangs": 6}], "erlangs", "erl"))[5] == "5.0 to 6.0 erl"
    assert list(heat_legend([], "erlangs", "erl"))[5] == "0.83 to 1.00 erl"
    assert list(heat_legend([{"erlangs": 0}], "erlangs", "erl"))[5] == "0.83 to 1.00 erl"
    cells = [{"hour": 7, "weekday": 2, "erlangs": 1234.56}, {"hour": 17, "weekday": 1, "erlangs": 0}]
    svg = heat_map(cells, "hour", "weekday", "erlangs", ["Mon", "Tue"])["wide"]
    assert "<title>Tue 07:00 UTC: 1,234.6 erlangs</title>" in svg
    assert "<title>Mon 17:00 UTC: 0.0 erlangs</title>" in svg


def test_colours_are_six_in_the_order_of_first_appearance() -> None:
    assert legend(["b", "a", "b"]) == {"b": "--series-1", "a": "--series-2"}
    assert legend([str(number) for number in range(7)]) == {
        **{str(number): f"--series-{number + 1}" for number in range(6)},
        "6": "--series-1",
    }


def test_values_are_numbers_or_texts_and_kinds_have_their_place() -> None:
    rows = [
        {"call_type": "sip", "value": Decimal("1.5")},
        {"call_type": "app", "value": D1},
        {"call_type": "sip", "value": None},
    ]
    assert _plain(rows) == [
        {"call_type": "sip", "value": 1.5, "place": 0},
        {"call_type": "app", "value": "2026-11-01", "place": 1},
        {"call_type": "sip", "value": None, "place": 0},
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ""),
        ("a name", "a name"),
        ("a longer name", "a longer\nname"),
        ("1 2345678 1 2345678 1 2345678 1 2345678", "1 2345678\n1 2345678\n1 2345678\n1 2345678"),
        ("1 2345678 1 2345678 1 2345678 1 2345678 1", "1 2345678\n1 2345678\n1 2345678\n1 2345678…"),
    ],
)
def test_labels_have_four_lines_at_most(text: str, lines: str) -> None:
    assert _wrapped(text, 10) == lines


def test_a_drawing_has_the_colours_of_the_page_and_texts_beside_the_pointer() -> None:
    path = '<path aria-label="5 calls" role="graphics-symbol" d="M1.239,2.5" fill="{}"/>'
    first, second = path.format("#010101"), path.format("rgb(1, 1, 2)")
    drawn = f'<svg width="1">{first}{second}<g role="x" stroke="#ffffff"/>'
    title = '<path d="M1.23,2.5" fill="{}"><title>5 calls</title></path>'
    assert _themed(drawn, True) == (
        '<svg aria-hidden="true" width="1">'
        f'{title.format("var(--series-1)")}{title.format("var(--series-2)")}<g stroke="#ffffff"/>'
    )
    assert "<title>" not in _themed(drawn, False)
    assert "aria-label" not in _themed(drawn, False)


def test_bars_say_what_they_are() -> None:
    days = [
        {"report_date": D1, "call_type": "sip", "spend": Decimal("1234.5"), "has_file": True},
        {"report_date": D2, "call_type": "app", "spend": Decimal("2"), "has_file": False},
    ]
    drawn = stacked_days(days, "spend", "call_type", "EUR")
    for width, svg in drawn.items():
        assert svg.count("<title>2026-11-01 sip: 1,234.50</title>") == 1, width
        assert svg.count("<title>2026-11-02 app: 2.00</title>") == 1
        # Of the day without a file there is an outline alone.
        assert svg.count('fill-opacity="0"') == 1
    bars = [{"name": "one", "calls": 1234.56, "side": "far end"}]
    assert "<title>one: 1,235</title>" in ranked(bars, "name", "calls", "side", "calls")["wide"]
    assert "<title>one: 1,234.6</title>" in ranked(bars, "name", "calls", "side", "calls", 1)["narrow"]


def test_points_of_a_line_name_what_they_are_where_that_is_known() -> None:
    rows = [
        {"report_date": D1, "call_type": "sip", "has_file": True, "asr": 0.5, "asr_mean": 0.25},
        {"report_date": D2, "call_type": "sip", "has_file": True, "asr": None, "asr_mean": None},
        {"report_date": D2, "call_type": "app", "has_file": False, "asr": 0.125},
    ]
    svg = lines(rows, "asr", "call_type", "ASR")["wide"]
    assert svg.count("<title>") == 2
    assert "<title>2026-11-01 sip: 50.0 %</title>" in svg
    assert "<title>2026-11-02 app: 12.5 %</title>" in svg
    assert svg.count('fill-opacity="0"') == 1
    rows[0]["asr"] = 1234.5
    svg = lines(rows, "asr", "call_type", "seconds", percent=False)["narrow"]
    assert "<title>2026-11-01 sip: 1,234</title>" in svg
