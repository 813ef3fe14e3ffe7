"""From files to marts with `cdr run`: the numbers are those that plain Python computes from the files."""

import csv
import json
import re
import shutil
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from builders import header, record
from harness import REPOSITORY, Loader, Once
from warehouse import Warehouse

from loader.feeds import KINDS
from loader.synth import synthesise
from loader.synth.irregularities import IRREGULARITIES

END = date(2026, 11, 22)
NO_VALUE = ("NULL", "\\N", "null", "nil", "None", "-")


@pytest.fixture(scope="module")
def built(once: Once) -> Loader:
    """Clean deliveries, built on the target of continuous integration: every test must pass."""

    def fill(folder: Path) -> None:
        loader = Loader(folder / "cdr.duckdb", folder / "inbox")
        synthesise(loader.inbox, days=3, calls_per_day=400, seed=5, end=END)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CDR_DATABASE", str(loader.database))
            patch.setenv("CDR_TARGET", "ci")
            patch.setenv("DBT_TARGET_PATH", str(folder))
            patch.setenv("DBT_WRITE_JSON", "true")
            patch.setenv("DBT_LOG_PATH", str(folder))
            loader("stage", loader.inbox, "-q")
            # Unit tests run in test_variables.py, with variables at other values than these.
            document = loader.json("build", "--exclude-resource-type", "unit_test")
        (folder / "build.json").write_text(json.dumps(document))

    folder = once("clean", fill)
    return Loader(folder / "cdr.duckdb", folder / "inbox")


@pytest.fixture(scope="module")
def deliveries(built: Loader) -> Path:
    return built.inbox


def records(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for path in sorted(folder.glob("*.csv")):
        kind = path.name.removeprefix("cdr_").rsplit("_", 1)[0]
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                yield kind, row


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text[:26].rstrip("Z"))


def test_every_data_test_of_the_project_ran(built: Loader) -> None:
    build = json.loads((built.database.parent / "build.json").read_text())
    ran = {node["node"] for node in build["nodes"] if node["status"] in ("pass", "warn", "fail", "error")}
    manifest = json.loads((built.database.parent / "manifest.json").read_text())
    defined = {name for name, node in manifest["nodes"].items() if node["resource_type"] == "test"}
    assert manifest["disabled"] == {}
    assert defined <= ran
    # Counted without dbt too, so that a folder dropping out of the project is seen.
    files = [path.relative_to(REPOSITORY / "tests") for path in (REPOSITORY / "tests").glob("**/*.sql")]
    singular = [path for path in files if path.parts[0] not in ("generic", "benchmarks")]
    assert sum(name.count(".") == 2 for name in defined) == len(singular)


def test_severities_follow_the_target_that_a_variable_names(
    built: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbt keeps what it has parsed, and does not compare targets that a profile names."""
    for target, severity in (("ci", "error"), ("dev", "warn"), ("ci", "error")):
        monkeypatch.setenv("CDR_TARGET", target)
        nodes = Warehouse(built, tmp_path / "target").parsed().nodes.values()
        chosen = ("accepted_values_stg_sinch__", "warn_unknown_countries")
        found = [node.config.severity.lower() for node in nodes if node.name.startswith(chosen)]
        assert found == [severity] * 8


def test_columns_of_views_have_comments_that_hive_takes(built: Loader) -> None:
    """Spark tries ten times, 20 seconds, to keep a longer one in its catalogue."""
    nodes = json.loads((built.database.parent / "manifest.json").read_text())["nodes"].values()
    views = [node for node in nodes if node["config"]["materialized"] == "view"]
    texts = [column["description"] for node in views for column in node["columns"].values()]
    assert max(map(len, texts)) <= 256


def test_what_is_marked_constant_reads_seeds_alone(built: Loader) -> None:
    """`cdr run` leaves it out where only deliveries are new."""
    nodes = json.loads((built.database.parent / "manifest.json").read_text())["nodes"]

    def is_constant(name: str) -> bool:
        # What is no node is a source.
        if name not in nodes or name.startswith("seed."):
            return name.startswith("seed.")
        inputs = nodes[name]["depends_on"]["nodes"]
        return bool(inputs) and all(map(is_constant, inputs))

    tables = [name for name, node in nodes.items() if node["config"]["materialized"] == "table"]
    expected = {name for name in tables if is_constant(name) and nodes[name]["schema"] == "intermediate"}
    marked = {name for name, node in nodes.items() if "constant" in node["tags"]}
    assert {name for name in marked if name in tables} == expected
    assert len(expected) == 5
    # Tests too, and those of macros, which read nothing.
    tests = marked - expected
    assert len(tests) == 15
    assert tests >= {
        name
        for name, node in nodes.items()
        if node["resource_type"] == "test"
        and set(node["depends_on"]["nodes"]) & expected
        and all(map(is_constant, node["depends_on"]["nodes"]))
    }
    assert all(is_constant(name) or not nodes[name]["depends_on"]["nodes"] for name in tests)
    read_by_tests_of_seeds = {
        name
        for test, node in nodes.items()
        if node["original_file_path"] == "seeds/_seeds.yml" and test.startswith("test.")
        for name in node["depends_on"]["nodes"]
    }
    assert all(map(is_constant, read_by_tests_of_seeds))


def test_every_record_is_a_call(built: Loader, deliveries: Path) -> None:
    expected = Counter(kind for kind, _ in records(deliveries))
    assert dict(built.query("select call_type, count(*) from marts.fact_calls group by all")) == expected
    assert built.query("select distinct difference from marts.mart_feed_reconciliation") == [(0,)]
    assert sum(expected.values()) == 1200


def test_cost_per_country_and_currency(built: Loader, deliveries: Path) -> None:
    amounts: dict[Any, Decimal] = defaultdict(Decimal)
    seconds: Counter[Any] = Counter()
    for kind, row in records(deliveries):
        if kind == "phone_terminated":
            key = (moment(row["CallTime"]).date(), row["ApplicationKey"], row["ToCountryId"], row["Currency"])
            amounts[key] += Decimal(row["Amount"] or 0)
            seconds[key] += int(row["Duration"] or 0) if row["Result"] == "ANSWERED" else 0
    found = built.query(
        "select report_date, application_key, destination_country, currency, amount, minutes"
        " from marts.mart_cost_daily where call_type = 'phone_terminated'"
    )
    assert {row[:4]: row[4] for row in found} == amounts
    assert {row[:4]: round(row[5] * 60) for row in found} == seconds


def test_quality_per_day_and_application(built: Loader, deliveries: Path) -> None:
    bids: Counter[Any] = Counter()
    answers: Counter[Any] = Counter()
    for kind, row in records(deliveries):
        key = (moment(row["CallTime"]).date(), kind, row["ApplicationKey"])
        bids[key] += 1
        answers[key] += row["Result"] == "ANSWERED"
    found = built.query(
        "select report_date, call_type, application_key, sum(bids), sum(answers)"
        " from marts.mart_quality_daily group by all"
    )
    assert {row[:3]: row[3] for row in found} == bids
    assert {row[:3]: row[4] for row in found} == {key: answers[key] for key in bids}


def test_intervals_of_calls(built: Loader, deliveries: Path) -> None:
    expected = {}
    for kind, row in records(deliveries):
        called = moment(row["CallTime"])
        answered = moment(row["AnswerTime"]) if row.get("AnswerTime") else None
        ended = (answered or called) + timedelta(seconds=int(row["Duration"] or 0))
        delay = (answered - called).total_seconds() if answered else None
        expected[kind, row["CallId"]] = (called, answered, ended, delay)
    found = built.query(
        "select call_type, call_id, called_at, answered_at, ended_at, answer_delay_seconds"
        " from marts.fact_calls"
    )
    assert {row[:2]: row[2:] for row in found} == {
        key: (*times, pytest.approx(delay, abs=1e-9)) for key, (*times, delay) in expected.items()
    }


def test_every_irregularity_ends_where_it_should(tmp_path: Path) -> None:
    """All of the feed's irregularities at once: some files fail, every record is accounted for."""
    inbox = tmp_path / "inbox"
    synthesise(inbox, days=2, calls_per_day=120, seed=9, warts=True, end=END)
    loader = Loader(tmp_path / "cdr.duckdb", inbox)
    write_a_months_end(loader)
    staged = loader.stage(inbox, code=1)
    assert {file["state"] for file in staged} >= {"current", "duplicate", "failed", "ignored"}
    warehouse = Warehouse(loader, tmp_path / "target")
    # The last day is a Sunday, with Friday's rates.
    late = ("--vars", "{fx_stale_days: 1}")
    results = warehouse.dbt("build", "--exclude-resource-type", "unit_test", *late).results
    warned = {result.node.name.split("__")[0] for result in results if result.status == "warn"}
    assert warned >= WARNED
    loader("verify")
    expected = sum(wart.rejected for wart in IRREGULARITIES if wart.state == "current")
    assert loader.query("select count(*) from marts.rejected_records where stage = 'load'") == [(expected,)]
    assert loader.query("select count(*) from marts.call_conflicts")[0][0] > 0
    assert loader.query("select sum(exact_duplicates) from marts.mart_feed_reconciliation")[0][0] > 0
    assert loader.query("select count(*) from marts.rejected_records where stage = 'typing'")[0][0] > 0
    assert unreadable_values_are_in_no_sum(loader) > 0
    spent = "select count(distinct currency) from marts.mart_user_spend_daily where user_id = 'traveller'"
    assert loader.query(spent) == [(3,)]
    over = "select count(*) from marts.fact_calls where month(called_at) < month(ended_at)"
    assert loader.query(over) == [(3,)]


WARNED = {
    *("warn_conflicts_that_lose_money", "warn_invalid_fields", "warn_missing_files"),
    *("warn_stale_fx_rates", "warn_unconverted_amounts", "warn_unknown_countries", "warn_unusable_records"),
}


def write_a_months_end(loader: Loader) -> None:
    """Three weeks before the other files: one user's calls in three currencies, one without a rate, from a
    withheld number, into the next month. The day after, one CallId is of another call, to no known country.
    """
    kind = "phone_terminated"
    usual = {"Reason": "CALLERHANGUP", "Duration": "90", "From": "private", "UserId": "traveller"}
    usual["CallTime"] = "2026-10-31T23:59:00Z"
    calls = [
        record(kind, f"in-{currency}", **usual, Amount="0.5", Currency=currency)
        for currency in ("EUR", "USD", "XAF")
    ]
    loader.write(f"cdr_{kind}_2026-11-01.csv", "\n".join([header(kind), *calls, ""]))
    again = usual | {"From": "+46701112233", "ToCountryId": "UK", "Amount": "0.7", "Currency": "EUR"}
    loader.write(f"cdr_{kind}_2026-11-02.csv", "\n".join([header(kind), record(kind, "in-EUR", **again), ""]))


def test_what_real_systems_write_is_read(tmp_path: Path) -> None:
    """Typing, numbers, answers and SIP reasons, from a file's characters to the marts."""
    loader = Loader(tmp_path / "cdr.duckdb", tmp_path / "inbox")
    kind = "phone_terminated"

    def call(call_id: str, **values: str) -> str:
        answered = {"Result": "ANSWERED", "Reason": "CALLERHANGUP", "Duration": "60", "Amount": "0.5"}
        return record(
            kind, call_id, **answered | {"CallTime": "2026-11-22T10:00:00Z", "AnswerTime": ""} | values
        )

    phone = [
        call("plain", AnswerTime="2026-11-22t10:00:09,5+00", To="tel:+34-911-230-001"),
        call("\ufeffmarked\u200b", Amount="\xa00.25\u202f", Result="\u200eANSWERED\xa0", To="0034911230001"),
        call(
            "none",
            Reason="NULL",
            Amount="\\N",
            Currency="-",
            To="None",
            AnswerTime="0001-01-01T00:00:00+01:00",
        ),
        call("epoch", AnswerTime="1970-01-01T00:00:00Z", CallTime="2026-11-22T10:00+0000"),
        call("leap", CallTime="2026-11-21T23:59:60Z", AnswerTime="2026-11-22T00:00:01Z"),
        call("early", AnswerTime="2026-11-22T09:59:59Z"),
        call("hours", AnswerTime="2026-11-22T13:00:00Z", To="9795551234", ToCountryId="US"),
        call(
            "unanswered", Result="NOANSWER", Reason="TIMEOUT", Duration="0", AnswerTime="2026-11-25T10:00:09Z"
        ),
        call("endless", Duration="10000001"),
        call("future", CallTime="2100-01-01T00:00:00Z"),
        call("ancient", CallTime="1989-12-31T23:59:59Z"),
    ]
    reasons = ["486 Busy Here", "Q.850;cause=1", "USER_BUSY", "403", "whatever", ""]
    trunk = [
        record(
            "sip_terminated",
            f"sip-{place}",
            CallTime="2026-11-22T10:00:00Z",
            Result="FAILED",
            Reason=f'"{reason}"',
            To="sip:%2B34911230001@sip.example.com",
        )
        for place, reason in enumerate(reasons)
    ]
    loader.write("cdr_phone_terminated_2026-11-22.csv", "\n".join([header(kind), *phone, ""]))
    loader.write("cdr_sip_terminated_2026-11-22.csv", "\n".join([header(), *trunk, ""]))
    loader.stage(loader.inbox)
    warehouse = Warehouse(loader, tmp_path / "target")
    no_tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    warehouse.dbt("build", "-s", "+mart_quality_daily", "+mart_cost_daily", "+rejected_records", *no_tests)

    ten = moment("2026-11-22T10:00:00")
    found = loader.query(
        "select call_id, called_at, answered_at, ended_at, interval_basis, answer_delay_seconds,"
        " is_contradictory, duration_seconds, amount, currency, callee_e164, destination_country, days_late"
        " from marts.fact_calls where call_type = 'phone_terminated'"
    )
    calls = {row[0]: row[1:] for row in found}
    basis = {name: row[3:6] for name, row in calls.items()}
    assert basis == {
        "plain": ("answer_time", 9.5, False),
        "marked": ("call_time", None, False),
        "none": ("call_time", None, False),
        "epoch": ("call_time", None, False),
        "leap": ("answer_time", 1.0, False),
        "early": ("call_time", None, True),
        "hours": ("call_time", None, True),
        "unanswered": ("call_time", None, True),
        "endless": ("call_time", None, False),
    }
    times = {name: row[:3] for name, row in calls.items()}
    assert times == {
        "plain": (ten, moment("2026-11-22T10:00:09.5"), moment("2026-11-22T10:01:09.5")),
        **dict.fromkeys(("marked", "none", "epoch"), (ten, None, moment("2026-11-22T10:01:00"))),
        "leap": tuple(map(moment, ("2026-11-22T00:00:00", "2026-11-22T00:00:01", "2026-11-22T00:01:01"))),
        "early": (ten, moment("2026-11-22T09:59:59"), moment("2026-11-22T10:01:00")),
        "hours": (ten, moment("2026-11-22T13:00:00"), moment("2026-11-22T10:01:00")),
        "unanswered": (ten, moment("2026-11-25T10:00:09"), ten),
        "endless": (ten, None, ten),
    }
    assert calls["plain"][9] == "+34911230001"
    # A national number of the US is no satellite phone.
    assert calls["hours"][9:11] == (None, "US")
    assert loader.query("select count(number_type) from marts.fact_calls where call_id = 'hours'") == [(0,)]
    assert [calls["marked"][at] for at in (7, 9, 10)] == [Decimal("0.25"), None, calls["none"][10]]
    assert [calls["none"][at] for at in (7, 8, 9)] == [None, None, None]
    assert calls["endless"][6] is None
    assert {row[11] for row in calls.values()} == {0}
    assert loader.query("select distinct callee from marts.fact_calls where call_id = 'none'") == [("None",)]
    assert loader.query(
        "select reason_code from marts.rejected_records where stage = 'typing' order by line"
    ) == [("unreadable_call_time",), ("missing_call_time",)]
    assert loader.query(
        "select reason, outcome, outcome_side, callee_e164, destination_country from marts.fact_calls"
        " where call_type = 'sip_terminated' order by call_id"
    ) == [
        (reason.upper() or None, outcome, side, "+34911230001", "ES")
        for reason, (outcome, side) in zip(
            reasons,
            [
                ("user_busy", "called_party"),
                ("invalid_destination", "called_party"),
                ("user_busy", "called_party"),
                ("barred", "called_party"),
                ("failed_other", "unknown"),
                ("failed_other", "unknown"),
            ],
            strict=True,
        )
    ]
    assert loader.query(
        "select seizures, network_effective, round(ner, 6) from marts.mart_quality_daily"
        " where call_type = 'sip_terminated'"
    ) == [(6, 2, 0.333333)]
    assert loader.query(
        "select sum(amount) from marts.mart_cost_daily where call_type = 'phone_terminated'"
    ) == loader.query("select sum(amount) from marts.fact_calls")


def test_the_seed_decides_what_an_answer_is(built: Loader, deliveries: Path, tmp_path: Path) -> None:
    """A busy call alone is one, after an edit of seed outcomes: every table follows."""
    loader = Loader(tmp_path / "cdr.duckdb", deliveries)
    shutil.copyfile(built.database, loader.database)
    loader.execute("update reference.outcomes set is_answered = (outcome = 'user_busy')")
    warehouse = Warehouse(loader, tmp_path / "target")
    warehouse.dbt("run")
    busy = Counter(kind for kind, row in records(deliveries) if row["Result"] == "BUSY")
    carries_money = busy["phone_terminated"]
    assert busy.total() > carries_money > 0
    assert loader.query("select distinct outcome, is_answered from marts.fact_calls where is_answered") == [
        ("user_busy", True)
    ]
    answers = {
        "mart_quality_daily": "answers",
        "mart_cost_daily": "answers",
        "mart_cost_monthly": "answers",
        "mart_user_spend_daily": "answers",
        "mart_failure_reasons_daily": "case when is_answered then calls end",
        "mart_traffic_hourly": "case when scope = 'account' then answers end",
    }
    for mart, expression in answers.items():
        assert loader.query(f"select sum({expression}) from marts.{mart}") == [(busy.total(),)], mart
    assert loader.query(
        "select count(*) from marts.mart_quality_daily"
        " where asr is distinct from answers / nullif(seizures, 0)"
    ) == [(0,)]
    # Busy calls have no seconds and no AnswerTime; those that were answered before contradict themselves.
    assert loader.query("select sum(minutes), sum(charged_calls) from marts.mart_cost_daily")[0][0] == 0
    assert loader.query("select sum(erlangs) from marts.mart_traffic_hourly") == [(0,)]
    assert loader.query("select sum(talk_seconds) from marts.mart_number_daily") == [(0,)]
    assert loader.query("select count(*) from marts.mart_rate_history") == [(0,)]
    assert loader.query(
        "select distinct interval_basis, count(answer_delay_seconds), bool_and(is_contradictory)"
        " from marts.fact_calls where answered_at is not null group by all"
    ) == [("call_time", 0, True)]
    exceptions = dict(
        loader.query("select rule, count(*) from marts.mart_cost_exceptions group by all order by 1")
    )
    charged = sum(Decimal(row["Amount"] or 0) > 0 for _, row in records(deliveries) if "Amount" in row)
    assert exceptions["charged_not_answered"] == charged
    warehouse.dbt("test", "-s", "path:tests/conservation")


def trimmed(text: str | None) -> str:
    """Without blanks and invisible characters at both ends."""
    visible = [place for place, sign in enumerate(text or "") if unicodedata.category(sign)[0] not in "ZC"]
    return (text or "")[visible[0] : visible[-1] + 1] if visible else ""


def unreadable_values_are_in_no_sum(loader: Loader) -> int:
    """Recompute sums of the daily marts from the raw texts; return the number of unreadable amounts."""
    sums: Counter[str] = Counter()
    charges = {"amount": Decimal(0), "charged_amount": Decimal(0)}
    for kind in KINDS:
        delivered = loader.query(
            f"""
            select raw."Result", raw."Duration", {'raw."Amount"' if "Amount" in KINDS[kind] else "null"}
            from raw_sinch.{kind} as raw
            inner join marts.fact_calls as calls
                on raw._file_id = calls.file_id and raw._line = calls.source_line
            """
        )
        for result, duration, amount in ([trimmed(text) for text in row] for row in delivered):
            seconds = int(duration) if re.fullmatch(r"[0-9]{1,7}", duration) else None
            charge = Decimal(amount) if re.fullmatch(r"[+-]?\d+(\.\d{1,6}0*)?", amount) else None
            sums["unreadable_amounts"] += charge is None and amount not in ("", *NO_VALUE)
            charges["amount"] += charge or 0
            if charge is not None and charge > 0 and seconds is not None:
                charges["charged_amount"] += charge
                sums["charged_seconds"] += seconds
            if result.upper() == "ANSWERED" and seconds is not None:
                sums["timed_answers"] += 1
                sums["talk_seconds"] += seconds
                sums["short_calls"] += seconds <= 6
    for mart, names in {
        "mart_cost_daily": ("amount", "charged_amount", "charged_seconds", "unreadable_amounts"),
        "mart_quality_daily": ("timed_answers", "talk_seconds", "short_calls"),
    }.items():
        found = loader.query(f"select {', '.join(f'sum({name})' for name in names)} from marts.{mart}")
        assert found == [tuple({**sums, **charges}[name] for name in names)], mart
    return sums["unreadable_amounts"]
