"""The queries of cookbook and runbook give the answers on their pages, and the runbook's commands run.

The cookbook's queries are short, with one join at most, and give what Python computes from rows.
"""

import re
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cookbook import PAGE, RUNBOOK, answered, deliver, queries
from harness import environment
from marts_by_rows import (
    COUNTRIES,
    NAMES,
    Answer,
    Row,
    Rows,
    connection,
    down,
    groups,
    marts,
    order,
    ratio,
    rounded,
    same,
    summed,
    total,
)


def test_answers_are_those_of_the_pages(tmp_path: Path) -> None:
    cookbook = deliver(tmp_path)
    for page in (PAGE, RUNBOOK):
        assert answered(page.read_text(), cookbook.database) == page.read_text(), "run make generated"
    commands = re.findall(r"^```sh\n(.*?)^```", RUNBOOK.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "cookbook").symlink_to(cookbook.inbox)
    variables = environment() | {
        "CDR_DATABASE": str(cookbook.database),
    }
    done = subprocess.run(
        ["bash", "-euc", "".join(commands)], capture_output=True, text=True, env=variables, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # The last command ends at the record that the last query found.
    assert "2026-11-22T11:07:11.569Z;DENIED;N/A;0;" in done.stdout.splitlines()[-1]
    assert len(queries(RUNBOOK.read_text())) == 8


def test_each_question_has_one_short_query_with_an_answer() -> None:
    page = PAGE.read_text()
    questions = re.findall(r"^### (\d+)\. .*\?$", page, re.MULTILINE)
    assert questions == [str(number) for number in range(1, len(questions) + 1)]
    assert len(questions) == len(queries(page)) == page.count("```sql")
    for query in queries(page):
        assert query.count("\n") < 15, query
        assert query.count(" join ") <= 1, query
    assert "```text\n```" not in page


def named(key: str | None) -> str | None:
    """What an application is shown as."""
    return NAMES.get(key or "") or key


def week_of(row: Row) -> Any:
    return row["report_date"] - timedelta(days=row["report_date"].weekday())


def known(rows: Rows, column: str) -> bool:
    return any(row[column] is not None for row in rows)


def weekly_cost(mart: dict[str, Rows]) -> Answer:
    found = groups(mart["mart_cost_daily"], week_of, "application_key")
    assert any(summed(rows, "amount_reporting") is None and known(rows, "amount") for rows in found.values())
    lines = [
        (
            (
                week,
                named(key),
                summed(rows, "calls"),
                summed(rows, "amount_reporting"),
                summed(rows, "unconverted_calls"),
            ),
            key,
        )
        for (week, key), rows in found.items()
        if known(rows, "amount")
    ]
    return [line for line, key in sorted(lines, key=lambda one: order(one[0][0], down(one[0][3]), one[1]))]


def minute_by_country(mart: dict[str, Rows]) -> Answer:
    wanted = [
        row
        for row in mart["mart_cost_daily"]
        if row["call_type"] == "phone_terminated" and row["currency"] == "EUR"
    ]
    lines = []
    for (country,), rows in groups(wanted, "destination_country").items():
        seconds = summed(rows, "charged_seconds")
        if seconds:
            rate = rounded(ratio(60 * (summed(rows, "charged_amount") or 0), seconds), 4)
            shown = COUNTRIES.get(country, country)
            lines.append(((shown, summed(rows, "charged_calls"), seconds, rate), country))
    return [line for line, country in sorted(lines, key=lambda one: order(down(one[0][3]), one[1]))][:8]


def greatest_spenders(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["mart_user_spend_daily"] if row["user_id"] and (row["amount"] or 0) > 0]
    answer = []
    for _, rows in sorted(groups(wanted, "currency").items(), key=lambda one: order(*one[0])):
        rows.sort(
            key=lambda row: order(
                down(row["amount"]), row["report_date"], row["application_key"], row["user_id"]
            )
        )
        answer += [
            (
                row["report_date"],
                row["user_id"],
                row["currency"],
                row["calls"],
                row["amount"],
                rounded(row["share_of_application"], 3),
            )
            for row in rows[:2]
        ]
    assert len({line[2] for line in answer}) == 5
    return answer


def invoices(mart: dict[str, Rows]) -> Answer:
    names = (
        *("month", "scope", "application_key", "currency", "calls"),
        *("cdr_amount", "invoice_amount", "variance", "missing_feed_days", "verdict"),
    )
    rows = sorted(
        mart["mart_invoice_reconciliation"],
        key=lambda row: order(row["month"], row["scope"], row["currency"], row["application_key"]),
    )
    return [tuple(row[name] for name in names) for row in rows]


def changed_prices(mart: dict[str, Rows]) -> Answer:
    rows = [row for row in mart["mart_rate_history"] if row["changed"] is not None]
    rows.sort(
        key=lambda row: order(
            row["valid_from"],
            row["call_type"],
            row["application_key"],
            row["destination_country"],
            row["zone"],
            row["currency"],
        )
    )
    names = (
        *("call_type", "application_key", "destination_country", "zone", "currency", "valid_from", "changed"),
        *("previous_rate_per_minute", "rate_per_minute", "increment"),
    )
    return [
        (
            *(row[name] for name in names),
            -rounded(-row["change_pct"], 1) if row["change_pct"] else row["change_pct"],
        )
        for row in rows
    ]


def overcharges(mart: dict[str, Rows]) -> Answer:
    names = (
        *("report_date", "destination_country", "duration_seconds", "amount"),
        *("expected_amount", "overcharge", "currency"),
    )
    answer = []
    for _, rows in sorted(groups(mart["mart_overcharges"], "currency").items()):
        rows.sort(key=lambda row: (-row["overcharge"], row["call_key"]))
        answer += [tuple(row[name] for name in names) for row in rows[:5]]
    return answer


def calls_to_german_mobiles(mart: dict[str, Rows]) -> Answer:
    over = {row["call_key"]: row["overcharge"] for row in mart["mart_overcharges"]}
    wanted = [
        row
        for row in mart["fact_calls"]
        if (row["call_type"], row["destination_country"]) == ("phone_terminated", "DE")
        and row["number_type"] == "mobile"
        and (row["amount"] or 0) > 0
        and row["duration_seconds"]
    ]
    lines = []
    for (currency,), rows in groups(wanted, "currency").items():
        overcharges = [over[row["call_key"]] for row in rows if row["call_key"] in over]
        amount, seconds = summed(rows, "amount"), summed(rows, "duration_seconds")
        rate = rounded(ratio(60 * amount, seconds), 4)
        lines.append((currency, len(rows), amount, rate, len(overcharges), total(overcharges)))
    assert any(line[4] for line in lines)
    return sorted(lines, key=lambda line: order(line[0]))


def rows_that_the_card_lacks(mart: dict[str, Rows]) -> Answer:
    unpriced = [
        row for row in mart["mart_rerating_monthly"] if row["currency"] == "EUR" and row["unpriced_calls"]
    ]
    lines = [
        (country, None, summed(rows, "unpriced_calls"), summed(rows, "unpriced_amount"), None)
        for (country,), rows in groups(unpriced, "destination_country").items()
    ]
    names = ("destination_country", "zone", "calls", "amount", "rate_per_minute")
    lines += [
        tuple(row[name] for name in names) for row in mart["mart_rate_card_gaps"] if row["currency"] == "EUR"
    ]
    lines.sort(key=lambda line: order(-line[3], line[0], line[2]))
    assert len({line[4] for line in lines[:8]}) == 2
    return lines[:8]


def exceptions(mart: dict[str, Rows]) -> Answer:
    return [
        (*key, len(rows), summed(rows, "amount"), min(row["report_date"] for row in rows))
        for key, rows in sorted(
            groups(mart["mart_cost_exceptions"], "rule", "currency").items(), key=lambda one: order(*one[0])
        )
    ]


def number_types(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["fact_calls"] if row["call_type"] == "phone_terminated"]
    lines = []
    for (kind,), rows in groups(wanted, "number_type").items():
        answers = [row for row in rows if row["is_answered"]]
        lines.append(
            (
                kind,
                len(rows),
                len(answers),
                rounded(summed(answers, "duration_seconds") / 60, 1),
                summed(rows, "amount_reporting"),
                sum(row["amount"] is not None and row["amount_reporting"] is None for row in rows),
            )
        )
    return sorted(lines, key=lambda line: order(down(line[4]), line[0]))


def get_through(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["mart_quality_daily"] if row["call_type"] == "phone_terminated"]
    lines = []
    for (key,), rows in groups(wanted, "application_key").items():
        seizures, answers = summed(rows, "seizures"), summed(rows, "answers")
        ner = ratio(summed(rows, "network_effective"), seizures)
        length = ratio(summed(rows, "talk_seconds"), summed(rows, "timed_answers"))
        shares = rounded(ratio(answers, seizures), 3), rounded(ner, 3), rounded(length, 0)
        lines.append(((named(key), seizures, answers, *shares), key))
    return [line for line, key in sorted(lines, key=lambda one: order(one[0][0], one[1]))]


def why_failed(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["mart_failure_reasons_daily"] if not row["is_answered"]]
    lines = [
        (*key, summed(rows, "calls"), rounded(ratio(summed(rows, "calls"), summed(wanted, "calls")), 3))
        for key, rows in groups(wanted, "outcome_side", "outcome").items()
    ]
    return sorted(lines, key=lambda line: (-line[2], line[1]))


def routes(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["fact_calls"] if row["call_type"] == "phone_terminated"]
    lines = []
    for key, rows in groups(wanted, "origin_country", "destination_country").items():
        answers, seizures = summed(rows, "is_answered"), summed(rows, "is_seizure")
        asr = rounded(ratio(answers, seizures), 3)
        lines.append((*key, len(rows), answers, asr, summed(rows, "amount_reporting")))
    return sorted(lines, key=lambda line: order(-line[2], line[0], line[1]))[:8]


def dropped(mart: dict[str, Rows]) -> Answer:
    lines = []
    for (key,), rows in groups(mart["mart_quality_daily"], "application_key").items():
        answers, drops = summed(rows, "answers"), summed(rows, "drops")
        if answers:
            lines.append(((named(key), answers, drops, rounded(ratio(drops, answers), 4)), key))
    return [line for line, key in sorted(lines, key=lambda one: order(-one[0][3], -one[0][1], one[1]))][:5]


def longest(mart: dict[str, Rows]) -> Answer:
    rows = [row for row in mart["fact_calls"] if row["is_answered"]]
    rows.sort(key=lambda row: order(down(row["duration_seconds"]), row["called_at"]))
    names = ("called_at", "call_type", "user_id", "caller", "callee", "duration_seconds")
    return [tuple(row[name] for name in names) for row in rows[:5]]


def parties(mart: dict[str, Rows]) -> Answer:
    lines = [
        (
            *key,
            *(summed(rows, name) for name in ("bids", "answers", "talk_seconds")),
            max(row["distinct_counterparties"] for row in rows),
        )
        for key, rows in groups(mart["mart_number_daily"], "role", "number", "other_party").items()
    ]
    return sorted(lines, key=lambda line: order(-line[3], *line[:3]))[:6]


def hours(mart: dict[str, Rows]) -> Answer:
    found = groups(mart["fact_calls"], lambda row: row["called_at_local"].hour)
    lines = [(hour, len(rows), summed(rows, "is_answered")) for (hour,), rows in found.items()]
    return sorted(lines, key=lambda line: (-line[1], line[0]))[:5]


def at_night(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["fact_calls"] if row["call_type"] == "phone_terminated"]
    lines = []
    for (country,), rows in groups(wanted, "destination_country").items():
        clocks = [row["called_at_destination"] for row in rows if row["called_at_destination"]]
        night = sum(clock.hour >= 21 or clock.hour < 8 for clock in clocks)
        lines.append((country, len(rows), len(clocks), night))
    return sorted(lines, key=lambda line: order(-line[3], line[0]))[:6]


def at_once(mart: dict[str, Rows]) -> Answer:
    lines = []
    for (scope, key), rows in groups(mart["mart_busy_hour"], "scope", "application_key").items():
        most = max(row["peak_concurrent_calls"] for row in rows)
        first = min(row["peak_at"] for row in rows if row["peak_concurrent_calls"] == most)
        needed = (max(row[name] for row in rows) for name in ("peak_occupied", "lines_at_1pct"))
        lines.append(((scope, named(key), most, first, *needed), key))
    return [line for line, key in sorted(lines, key=lambda one: order(-one[0][2], *one[0][:2], one[1]))][:5]


def busiest_hours(mart: dict[str, Rows]) -> Answer:
    rows = [row for row in mart["mart_busy_hour"] if row["scope"] == "account"]
    rows.sort(key=lambda row: (-row["erlangs"], row["date"]))
    names = ("erlangs", "peak_concurrent_calls", "lines_at_1pct")
    return [(row["date"], row["busy_hour"].hour, *(row[name] for name in names)) for row in rows[:5]]


def unusual(mart: dict[str, Rows]) -> Answer:
    severities = ["critical", "warn", "info"]
    rows = sorted(
        mart["mart_signals"],
        key=lambda row: (
            severities.index(row["severity"]),
            -row["signal_date"].toordinal(),
            row["rule"],
            row["entity"],
        ),
    )
    return [
        (
            *(row[name] for name in ("signal_date", "severity", "rule", "entity")),
            *(rounded(row[name], 2) for name in ("observed", "threshold")),
            *(row[name] for name in ("calls", "amount_reporting")),
        )
        for row in rows[:8]
    ]


def missing_days(mart: dict[str, Rows]) -> Answer:
    names = ("file_date", "call_type", "status", "records", "typical_records", "volume_ratio")
    rows = [
        tuple(row.get(name) for name in names)
        for row in mart["mart_feed_completeness"]
        if row["status"] != "present" or (row.get("volume_ratio") is not None and row["volume_ratio"] < 0.5)
    ]
    return sorted(rows, key=lambda line: line[:2])[:8]


def rejects(mart: dict[str, Rows]) -> Answer:
    found = groups(mart["rejected_records"], "stage", "reason_code")
    lines = [(*key, len(rows), min(row["file_name"] for row in rows)) for key, rows in found.items()]
    return sorted(lines, key=lambda line: (-line[2], *line[:2]))


def unreadable(mart: dict[str, Rows]) -> Answer:
    lines = [
        (*key, summed(rows, "records"), len(rows), min(row["example_shape"] for row in rows))
        for key, rows in groups(mart["mart_feed_invalid_fields"], "field", "call_type").items()
    ]
    return sorted(lines, key=lambda line: (-line[2], *line[:2]))


def contradictions(mart: dict[str, Rows]) -> Answer:
    winners = {row["call_key"]: row["currency"] for row in mart["fact_calls"]}
    wanted = [{**row, "winner": winners[row["call_key"]]} for row in mart["call_conflicts"]]
    wanted = [
        row for row in wanted if (row["amount"], row["currency"]) != (row["winner_amount"], row["winner"])
    ]
    lines = []
    for (day, fields, lost, won), rows in groups(
        wanted, "file_date", "differing_fields", "currency", "winner"
    ).items():
        lines.append(
            (day, fields, len(rows), lost, summed(rows, "amount"), won, summed(rows, "winner_amount"))
        )
    return sorted(lines, key=lambda line: order(line[0], line[1], line[3], line[5]))


def late(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["fact_calls"] if row["days_late"] > 0]
    lines = [
        (*key, len(rows), max(row["days_late"] for row in rows))
        for key, rows in groups(wanted, "file_date", "call_type").items()
    ]
    return sorted(lines, key=lambda line: (-line[2], *line[:2]))[:5]


def mondays_at_ten(mart: dict[str, Rows]) -> Answer:
    wanted = [
        row
        for row in mart["mart_traffic_hourly"]
        if row["scope"] == "account" and row["hour"].weekday() == 0 and 9 <= row["hour"].hour <= 11
    ]
    lines = []
    for (hour,), rows in groups(wanted, lambda row: row["hour"].hour).items():
        most = max(row["peak_concurrent_calls"] for row in rows)
        first = min(row["peak_at"] for row in rows if row["peak_concurrent_calls"] == most)
        erlangs = rounded(max(row["erlangs"] for row in rows), 2)
        lines.append(("Monday", hour, len(rows), erlangs, most, first))
    assert lines
    return sorted(lines, key=lambda line: line[1])


def steady_busy_hour(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["mart_traffic_hourly"] if row["scope"] == "account"]
    dates = [row["date"] for row in wanted]
    days = (max(dates) - min(dates)).days + 1
    own = {row["busy_hour"] for row in mart["mart_busy_hour"] if row["scope"] == "account"}
    lines = [
        (
            hour,
            rounded(summed(rows, "erlangs") / days, 2),
            rounded(max(row["erlangs"] for row in rows), 2),
            max(row["peak_concurrent_calls"] for row in rows),
            sum(row["hour"] in own for row in rows),
        )
        for (hour,), rows in groups(wanted, lambda row: row["hour"].hour).items()
    ]
    return sorted(lines, key=lambda line: (-line[1], line[0]))[:5]


def by_custom(mart: dict[str, Rows]) -> Answer:
    quality = groups(mart["mart_quality_by_custom"], "key", "value")
    lines = []
    for pair, rows in groups(mart["mart_cost_by_custom"], "key", "value").items():
        asr = ratio(summed(quality[pair], "answers"), summed(quality[pair], "seizures"))
        sums = summed(rows, "calls"), rounded(summed(rows, "minutes"), 1), summed(rows, "amount_reporting")
        lines.append((*pair, *sums, rounded(asr, 3)))
    return sorted(lines, key=lambda line: order(line[0], down(line[4]), line[1]))


def restated(mart: dict[str, Rows]) -> Answer:
    lines = []
    for key, rows in groups(
        mart["mart_restatements"], lambda row: row["day"].replace(day=1), "application_key", "currency"
    ).items():
        amounts = [(row["amount"] or 0) - (row["amount_before"] or 0) for row in rows]
        days, last = {row["day"] for row in rows}, max(row["changed_at"] for row in rows)
        calls = summed(rows, "calls") - summed(rows, "calls_before")
        lines.append((*key, len(days), calls, sum(amounts), last))
    return sorted(lines, key=lambda line: order(*line[:3]))


def endpoints(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["mart_endpoint_daily"] if row["role"] == "callee"]
    lines = []
    for (endpoint,), rows in groups(wanted, "endpoint").items():
        seizures = summed(rows, "seizures")
        ratios = [
            rounded(ratio(summed(rows, name), seizures), 3) for name in ("answers", "network_effective")
        ]
        failures = [summed(rows, name) for name in ("network_failures", "called_party_failures")]
        lines.append((endpoint, summed(rows, "bids"), summed(rows, "answers"), *ratios, *failures))
    return sorted(lines, key=lambda line: order(-line[1], line[0]))[:6]


def users_called(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["mart_user_daily"] if row["role"] == "callee"]
    lines = []
    for (user,), rows in groups(wanted, "user_id").items():
        asr = rounded(ratio(summed(rows, "answers"), summed(rows, "seizures")), 3)
        most = max(row["distinct_counterparties"] for row in rows)
        lines.append((user, summed(rows, "bids"), summed(rows, "answers"), asr, most))
    lines = [line for line in lines if line[1] >= 2]
    return sorted(lines, key=lambda line: order(line[3], -line[1], line[0]))[:5]


def months(mart: dict[str, Rows]) -> Answer:
    names = ("month", "application_key", "currency", "calls", "amount", "previous_amount")
    changes = ("amount_change_pct", "daily_amount_change_pct")
    lines = [
        (
            *(row[name] for name in names),
            *(rounded(row[name], 1) for name in changes),
            row["is_whole_month"],
        )
        for row in mart["mart_cost_monthly"]
        if row["amount"] is not None
    ]
    return sorted(lines, key=lambda line: order(-line[0].toordinal(), -line[4], line[1], line[2]))[:6]


def newest_day(mart: dict[str, Rows]) -> Answer:
    rows = mart["mart_feed_completeness"]
    newest = max(row["file_date"] for row in rows)
    names = ("call_type", "file_date", "status", "records", "typical_records")
    lines = [
        (*(row.get(name) for name in names), rounded(row.get("usually_later_share"), 4))
        for row in rows
        if row["file_date"] == newest
    ]
    return sorted(lines)


def new_destinations(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["mart_cost_daily"] if row["destination_country"] is not None]
    began = {
        key: min(row["report_date"] for row in rows)
        for (key,), rows in groups(wanted, "application_key").items()
    }
    lines = []
    for key, rows in groups(wanted, "application_key", "destination_country").items():
        first = min(row["report_date"] for row in rows)
        if first >= began[key[0]] + timedelta(days=7):
            lines.append((*key, first, summed(rows, "calls"), summed(rows, "amount_reporting")))
    assert lines
    return sorted(lines, key=lambda line: order(-line[2].toordinal(), -line[3], line[0], line[1]))[:6]


def cost_of_rounding(mart: dict[str, Rows]) -> Answer:
    keys = ("call_type", "application_key", "destination_country", "currency")
    rates = groups(mart["mart_rate_history"], *keys)
    joined = [
        {**cost, "overhead": rate["rounding_overhead_pct"]}
        for cost in mart["mart_cost_daily"]
        for rate in rates.get(tuple(cost[key] for key in keys), [])
        if rate["valid_from"] <= cost["report_date"] and rate.get("zone") is None
    ]
    lines = []
    for (currency,), rows in groups(joined, "currency").items():
        paid = [
            float(row["charged_amount"]) * row["overhead"] / (100 + row["overhead"])
            for row in rows
            if row["charged_amount"] is not None
        ]
        charged = summed(rows, "charged_amount")
        lines.append((currency, charged, rounded(sum(paid), 2) if paid else None))
    assert lines
    return sorted(lines)


COMPUTED: list[Callable[[dict[str, Rows]], Answer]] = [
    *(weekly_cost, minute_by_country, greatest_spenders, invoices, changed_prices, overcharges),
    *(
        calls_to_german_mobiles,
        rows_that_the_card_lacks,
        exceptions,
        number_types,
        get_through,
        why_failed,
        routes,
        dropped,
        longest,
        parties,
        hours,
        at_once,
        busiest_hours,
    ),
    *(unusual, missing_days, rejects, unreadable, contradictions, late),
    *(mondays_at_ten, steady_busy_hour, by_custom, restated),
    *(endpoints, users_called, months, newest_day, new_destinations, cost_of_rounding, at_night),
]


@pytest.mark.parametrize("number", range(len(COMPUTED)), ids=[one.__name__ for one in COMPUTED])
def test_every_query_answers_what_python_computes(number: int) -> None:
    query = queries(PAGE.read_text())[number]
    same(connection().execute(query).fetchall(), COMPUTED[number](marts()))


def test_every_query_is_computed() -> None:
    assert len(queries(PAGE.read_text())) == len(COMPUTED)
