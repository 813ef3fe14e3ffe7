"""loader/README.md says what the commands say, and names every reason code and state; the queries of the
README answer what Python makes of rows.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click
import pytest
from help_texts import COMMANDS, REPOSITORY, commands, help_page
from marts_by_rows import (
    COUNTRIES,
    DAYS,
    Rows,
    connection,
    down,
    groups,
    marts,
    order,
    ratio,
    rounded,
    same,
    total,
)

from loader.database.manifest import State
from loader.parsing.records import Reason


def test_help_texts_are_those_of_the_commands() -> None:
    assert COMMANDS.read_text() == help_page(), "run make generated"


def test_every_reason_code_and_state_is_documented() -> None:
    text = (REPOSITORY / "loader" / "README.md").read_text()
    for words in (Reason, State):
        rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
        assert [word for word in words if word not in rows] == []


def test_options_that_the_readme_names_exist() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (REPOSITORY / "loader" / "README.md").read_text()))
    known = {
        option
        for command in commands().values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    # Options of dbt, passed on by `cdr build`.
    assert named - known <= {"--help", "--full-refresh", "--select", "--store-failures"}


Answer = list[tuple[Any, ...]]


def queries() -> list[str]:
    """The queries of README.md and the one about ratios in models/README.md."""
    found = []
    for name in ("README.md", "models/README.md"):
        for block in re.findall(
            r"^```sql\n(.*?)^```", (REPOSITORY / name).read_text(), re.DOTALL | re.MULTILINE
        ):
            found += [query for query in block.split(";") if re.match(r"\s*select\b", query)]
    return found


def summed(rows: Rows, column: str) -> Any:
    return total(row.get(column) for row in rows)


def cost_by_country(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["mart_cost_daily"] if row["currency"] is not None]
    lines = []
    for (country, currency), rows in groups(wanted, "destination_country", "currency").items():
        shown = COUNTRIES.get(country, country) or "not known"
        charged = summed(rows, "charged_amount")
        rate = rounded(ratio(None if charged is None else 60 * charged, summed(rows, "charged_seconds")), 4)
        amount = rounded(summed(rows, "amount"), 2)
        lines.append(
            (summed(rows, "amount_reporting"), (shown, currency, summed(rows, "calls"), amount, rate))
        )
    return [line for _, line in sorted(lines, key=lambda one: order(down(one[0])))][:12]


def yesterday(mart: dict[str, Rows]) -> Answer:
    wanted = [row for row in mart["mart_quality_daily"] if row["report_date"] == DAYS[-2]]
    lines = []
    for (kind,), rows in groups(wanted, "call_type").items():
        seizures = summed(rows, "seizures")
        shares = (
            rounded(ratio(summed(rows, name), seizures), 3) for name in ("answers", "network_effective")
        )
        length = rounded(ratio(summed(rows, "talk_seconds"), summed(rows, "timed_answers")), 0)
        lines.append((kind, summed(rows, "bids"), *shares, length))
    return sorted(lines, key=lambda line: -line[1])


def newest_files(mart: dict[str, Rows]) -> Answer:
    names = ("call_type", "status", "records", "typical_records", "volume_ratio", "late_calls")
    rows = [row for row in mart["mart_feed_completeness"] if row["file_date"] == DAYS[-1]]
    return sorted(tuple(row[name] for name in names) for row in rows)


def busy_hours(mart: dict[str, Rows]) -> Answer:
    """The mean over all days of the feed, those without such a call too."""
    days = {row["file_date"] for row in mart["mart_feed_completeness"]}
    wanted = [row for row in mart["mart_traffic_hourly"] if row["date"] in days]
    assert {row["date"] for row in wanted} < days
    assert len(wanted) < len(mart["mart_traffic_hourly"])
    found = groups(wanted, lambda row: row["hour"].hour)
    lines = [(hour, rounded(summed(rows, "erlangs") / len(days), 2)) for (hour,), rows in found.items()]
    return sorted(lines, key=lambda line: (-line[1], line[0]))[:3]


def lines_needed(mart: dict[str, Rows]) -> Answer:
    lines = [
        (*key, *(max(row[name] for row in rows) for name in ("peak_occupied", "lines_at_1pct")))
        for key, rows in groups(mart["mart_busy_hour"], "scope", "application_key").items()
    ]
    return sorted(lines, key=lambda line: order(-line[3], -line[2], *line[:2]))[:3]


def newest_signals(mart: dict[str, Rows]) -> Answer:
    since = DAYS[-2] - timedelta(days=7)
    severities = ["critical", "warn", "info"]
    rows = [row for row in mart["mart_signals"] if row["signal_date"] > since]
    rows.sort(key=lambda row: order(severities.index(row["severity"]), down(row["amount_reporting"])))
    return [
        (
            *(row[name] for name in ("signal_date", "severity", "rule", "entity")),
            *(rounded(row[name], 2) for name in ("observed", "threshold")),
            row["calls"],
            rounded(row["amount_reporting"], 2),
        )
        for row in rows[:10]
    ]


def calls_of_signals(mart: dict[str, Rows]) -> Answer:
    names = ("called_at", "user_id", "callee_e164", "number_type", "duration_seconds", "amount")
    lines = [
        tuple(call[name] for name in names)
        for signal in mart["mart_signals"]
        if signal["rule"] == "irsf_like"
        for call in mart["fact_calls"]
        if signal["first_at"] <= call["called_at"] <= signal["last_at"]
        and call["user_id"] == signal["entity"]
        and signal["application_key"] in (None, call["application_key"])
    ]
    return sorted(lines, key=lambda line: line[0])[:3]


def ratios(mart: dict[str, Rows]) -> Answer:
    lines = []
    for key, rows in groups(mart["mart_quality_daily"], "application_key").items():
        length = ratio(summed(rows, "talk_seconds"), summed(rows, "timed_answers"))
        lines.append((*key, length, ratio(summed(rows, "answers"), summed(rows, "seizures"))))
    return sorted(lines, key=lambda line: order(line[0]))


COMPUTED: list[Callable[[dict[str, Rows]], Answer]] = [
    *(cost_by_country, yesterday, newest_files, busy_hours, lines_needed),
    *(newest_signals, calls_of_signals, ratios),
]


@pytest.mark.parametrize("number", range(len(COMPUTED)), ids=[one.__name__ for one in COMPUTED])
def test_every_query_answers_what_python_computes(number: int) -> None:
    query = queries()[number]
    found = connection().execute(query).fetchall()
    if "order by" not in query:
        found.sort(key=lambda row: order(row[0]))
    same(found, COMPUTED[number](marts()))


def test_every_query_is_computed() -> None:
    assert len(queries()) == len(COMPUTED)
