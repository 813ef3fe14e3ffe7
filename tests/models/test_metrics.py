"""MetricFlow's answers equal the marts: `make test-metrics`."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isclose
from pathlib import Path
from typing import Any

import duckdb
import pytest
from formulas import metrics
from harness import REPOSITORY, Loader

from loader.synth import synthesise

pytestmark = pytest.mark.metrics

Ask = Callable[[Sequence[str], Sequence[str]], str]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of dbt and `mf`, on a database with two weeks of calls in several currencies."""
    folder = tmp_path_factory.mktemp("metrics")
    loader = Loader(folder / "cdr.duckdb", folder / "inbox")
    synthesise(loader.inbox, days=14, calls_per_day=80, seed=9, warts=True, plants=True)
    # Above the agreed price in two more currencies.
    rates = loader.inbox / "seeds" / "rate_card.csv"
    with rates.open("a") as file:
        file.writelines(f",{key},2026-01-01,0.001,1/1,0,nearest,0.0001\n" for key in ("US,USD", "SE,SEK"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDR_RATE_CARD", str(rates))
        loader("stage", loader.inbox, "-q", code=1)
        loader("build", "-q", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
    settings = {
        **os.environ,
        "CDR_DATABASE": str(loader.database),
        "DBT_PROFILES_DIR": str(REPOSITORY / "profiles"),
        "DBT_PROJECT_DIR": str(REPOSITORY),
        # `mf` asks the package index whether there is a newer one: it reaches nothing.
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "",
    }
    run(settings, "dbt", "--quiet", "parse")
    return settings


def run(settings: dict[str, str], *command: str) -> str:
    """Run a command of the environment that the tests run in; its output."""
    program = str(Path(sys.executable).parent / command[0])
    done = subprocess.run(
        [program, *command[1:]], cwd=REPOSITORY, env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def ask(settings: dict[str, str]) -> Ask:
    """The SQL that MetricFlow makes of a question."""
    from dbt_metricflow.cli.dbt_connectors.adapter_backed_client import SupportedAdapterTypes
    from dbt_metricflow.cli.dbt_connectors.dbt_config_accessor import dbtArtifacts
    from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
    from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

    class NoDatabase:
        sql_engine_type = SupportedAdapterTypes.DUCKDB.sql_engine_type
        sql_plan_renderer = SupportedAdapterTypes.DUCKDB.sql_plan_renderer

    manifest = dbtArtifacts.build_semantic_manifest_from_dbt_project_root(project_root=REPOSITORY)
    client: Any = NoDatabase()
    engine = MetricFlowEngine(semantic_manifest_lookup=SemanticManifestLookup(manifest), sql_client=client)

    def sql(names: Sequence[str], by: Sequence[str]) -> str:
        request = MetricFlowQueryRequest.create(metric_names=list(names), group_by_names=list(by))
        return str(engine.explain(mf_request=request).sql_statement.without_descriptions.sql)

    return sql


# Where names of the semantic layer are other columns in the marts.
KEYS = {
    "metric_time__day": "report_date",
    "metric_time__week": "date_trunc('week', report_date)",
    "metric_time__month": "date_trunc('month', report_date)",
    "application": "application_key",
    "country": "destination_country",
}
UTC_KEYS = {
    **KEYS,
    "metric_time__day": "date",
    "metric_time__week": "date_trunc('week', date)",
    "traffic__start_of_hour": "hour",
    "busy_hour__start_of_busy_hour": "busy_hour",
}
ACCOUNT = "case when scope = 'account' then 'account' else application_key end"
CALLS = ["call_type", "application", "country"]


def summed(*names: str) -> dict[str, str]:
    return {name: f"sum({name})" for name in names}


def ratio(numerator: str, denominator: str) -> str:
    return f"cast({numerator} as double) / nullif({denominator}, 0)"


def in_one_currency(value: str, known: str) -> str:
    """An amount, where the rows that have one are of one currency, or of none."""
    currencies = f"count(distinct coalesce(currency, '')) filter (where {known} is not null)"
    return f"case when {currencies} = 1 then {value} end"


def coded(column: str) -> str:
    return f"sum(cast({column} * 1000000 as hugeint) * (1 + hash(coalesce(currency, '')) % 999999))"


QUALITY = {
    **summed("bids", "seizures", "answers", "network_effective", "abandoned"),
    **summed("timed_answers", "talk_seconds", "short_calls", "drops", "network_failures", "failed"),
    "abr": ratio("sum(answers)", "sum(bids)"),
    "asr": ratio("sum(answers)", "sum(seizures)"),
    "ner": ratio("sum(network_effective)", "sum(seizures)"),
    "ner_excl_abandoned": ratio("sum(network_effective) - sum(abandoned)", "sum(seizures) - sum(abandoned)"),
    "aloc_seconds": ratio("sum(talk_seconds)", "sum(timed_answers)"),
    "minutes": "cast(sum(talk_seconds) as double) / 60",
    "short_call_ratio": ratio("sum(short_calls)", "sum(timed_answers)"),
    "drop_ratio": ratio("sum(drops)", "sum(answers)"),
    "network_failure_ratio": ratio("sum(network_failures)", "sum(bids)"),
    "failed_ratio": ratio("sum(failed)", "sum(bids)"),
}
ANSWERS_IN_CURRENCY = "sum(answers) filter (where currency is not null or amount is not null)"
COST = {
    **summed("charged_calls", "charged_seconds", "amount_reporting", "unconverted_calls"),
    "answers_in_currency": ANSWERS_IN_CURRENCY,
    "first_currency": "min(coalesce(currency, '')) filter (where amount is not null)",
    "last_currency": "max(coalesce(currency, '')) filter (where amount is not null)",
    "amount_coded": coded("amount"),
    "charged_amount_coded": coded("charged_amount"),
    "amount": in_one_currency("sum(amount)", "amount"),
    "charged_amount": in_one_currency("sum(charged_amount)", "amount"),
    "effective_rate_per_minute": in_one_currency(
        ratio("60 * sum(charged_amount)", "sum(charged_seconds)"), "amount"
    ),
    "cost_per_answer": in_one_currency(ratio("sum(amount)", ANSWERS_IN_CURRENCY), "amount"),
}
OVERCHARGES = {
    "overcharged_calls": "count(*)",
    "first_overcharge_currency": "min(currency)",
    "last_overcharge_currency": "max(currency)",
    "overcharge_coded": coded("overcharge"),
    "overcharge": in_one_currency("sum(overcharge)", "overcharge"),
}
MICROSECONDS = "cast(sum(cast(round(erlangs * 3600000000) as bigint)) as double)"
HOURS = "mart_traffic_hourly where scope = 'call_type'"
TRAFFIC = {
    "traffic_microseconds": "sum(cast(round(erlangs * 3600000000) as bigint))",
    "traffic_hours": "count(distinct hour)",
    "erlang_hours": f"{MICROSECONDS} / 3600000000",
    "erlangs": f"{MICROSECONDS} / 3600000000 / count(distinct hour)",
}
BUSY_HOUR = {
    "busy_hour_erlangs": "max(erlangs)",
    **{name: f"max({name})" for name in ("peak_concurrent_calls", "peak_occupied", "lines_at_1pct")},
}
DELAYS = {
    "answer_delay_p50_seconds": "percentile_cont(0.5) within group (order by answer_delay_seconds)",
    "answer_delay_p95_seconds": "percentile_cont(0.95) within group (order by answer_delay_seconds)",
}


def as_columns(*names: str) -> dict[str, str]:
    """At its own grain a mart has the value in a column: there is one row."""
    return {name: f"any_value({name})" for name in names}


RATIOS = [name for name, sql in QUALITY.items() if "/" in sql]
# A mart, what to ask, grouped by what, and what it should be: of the mart's own grain its own columns.
QUESTIONS: list[tuple[str, dict[str, str], list[str], dict[str, str]]] = [
    (
        "mart_quality_daily",
        QUALITY | as_columns(*RATIOS),
        ["metric_time__day", *CALLS],
        KEYS,
    ),
    ("mart_quality_daily", QUALITY, ["metric_time__week", "application"], KEYS),
    ("mart_quality_daily", QUALITY, [], KEYS),
    (
        "mart_cost_daily",
        COST | as_columns("amount", "charged_amount", "effective_rate_per_minute", "cost_per_answer"),
        ["metric_time__day", *CALLS, "currency"],
        KEYS,
    ),
    ("mart_cost_daily", COST, ["metric_time__month", "country", "currency"], KEYS),
    ("mart_cost_daily", COST, ["metric_time__week", "application"], KEYS),
    ("mart_cost_daily", COST, [], KEYS),
    ("mart_overcharges", OVERCHARGES, ["metric_time__day", *CALLS, "currency"], KEYS),
    ("mart_overcharges", OVERCHARGES, ["metric_time__week", "currency"], KEYS),
    ("mart_overcharges", OVERCHARGES, [], KEYS),
    (
        HOURS,
        TRAFFIC | as_columns("erlangs"),
        ["traffic__start_of_hour", "call_type", "application"],
        UTC_KEYS,
    ),
    (HOURS, TRAFFIC, ["metric_time__day", "application"], UTC_KEYS),
    (HOURS, TRAFFIC, ["traffic__start_of_hour"], UTC_KEYS),
    (HOURS, TRAFFIC, [], UTC_KEYS),
    (
        "mart_busy_hour",
        BUSY_HOUR,
        ["metric_time__day", "application", "busy_hour__start_of_busy_hour"],
        UTC_KEYS | {"application": ACCOUNT},
    ),
    ("mart_busy_hour", BUSY_HOUR, ["metric_time__week", "application"], UTC_KEYS | {"application": ACCOUNT}),
    ("mart_busy_hour", BUSY_HOUR, [], UTC_KEYS),
    ("mart_quality_daily", as_columns(*DELAYS), ["metric_time__day", *CALLS], KEYS),
    ("fact_calls", DELAYS, ["metric_time__week", "application"], KEYS),
    ("fact_calls", DELAYS, [], KEYS),
    (
        "mart_failure_reasons_daily",
        {"calls": "sum(calls)"},
        ["metric_time__day", "call_type", "application", "call__result", "call__reason"],
        KEYS | {"call__result": "result", "call__reason": "reason"},
    ),
    ("mart_failure_reasons_daily", {"calls": "sum(calls)"}, ["metric_time__week", "outcome"], KEYS),
    (
        "mart_failure_reasons_daily",
        {"calls": "sum(calls)"},
        ["outcome__outcome_side"],
        {"outcome__outcome_side": "outcome_side"},
    ),
    (
        "mart_cost_daily left join marts.dim_countries on destination_country = country_code",
        {"amount_reporting": "sum(amount_reporting)"},
        ["country__region", "country__country_name"],
        {"country__region": "region", "country__country_name": "country_name"},
    ),
]


@contextmanager
def attached(database: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that has the database under the name that dbt's queries use."""
    with duckdb.connect() as connection:
        connection.execute("attach ? as sinch_cdr (read_only)", [database])
        connection.execute("use sinch_cdr")
        yield connection


def test_every_metric_equals_the_marts_at_three_grains(settings: dict[str, str], ask: Ask) -> None:
    grains = {metric["name"]: 0 for metric in metrics()}
    with attached(settings["CDR_DATABASE"]) as connection:
        for mart, wanted, by, keys in QUESTIONS:
            keyed = [f"{keys.get(key, key)} as {key}" for key in by]
            valued = [f"{sql} as {name}" for name, sql in wanted.items()]
            expected = f"select {', '.join([*keyed, *valued])} from marts.{mart} group by all"
            answered = f"select {', '.join([*by, *wanted])} from ({ask(list(wanted), by)})"
            rows = connection.execute(f"select count(*) from ({expected})").fetchall()[0][0]
            assert rows > (1 if by else 0), mart
            differences = connection.execute(
                f"(({expected}) except all ({answered}))"
                f" union all (({answered}) except all ({expected})) limit 6"
            ).fetchall()
            assert differences == [], (mart, by)
            for name in wanted:
                grains[name] += 1
    assert {name: count for name, count in grains.items() if count < 3} == {}


def test_no_metric_adds_currencies(settings: dict[str, str], ask: Ask) -> None:
    """Asked of everything at once, no metric is the sum of amounts in several currencies."""
    names = [metric["name"] for metric in metrics()]
    with attached(settings["CDR_DATABASE"]) as connection:
        added = {
            float(value)
            for row in connection.execute(
                "select sum(amount), sum(charged_amount), sum(amount) filter (where amount > 0),"
                " sum(amount) / sum(answers), 60 * sum(charged_amount) / sum(charged_seconds)"
                " from marts.mart_cost_daily"
                " union all select sum(overcharge), sum(amount), 0, 0, 0 from marts.mart_overcharges"
            ).fetchall()
            for value in row
            if value
        }
        currencies = connection.execute(
            "select count(distinct currency) from marts.mart_cost_daily"
            " union all select count(distinct currency) from marts.mart_overcharges"
        ).fetchall()
        assert min(count for (count,) in currencies) > 1
        answer = connection.execute(ask(names, []))
        columns = [column[0] for column in answer.description or []]
        values = dict(zip(columns, answer.fetchall()[0], strict=True))
    money = ["amount", "charged_amount", "effective_rate_per_minute", "cost_per_answer", "overcharge"]
    assert {name: values[name] for name in money} == dict.fromkeys(money)
    numbers = {name: float(value) for name, value in values.items() if not isinstance(value, str | None)}
    assert [name for name, value in numbers.items() if any(isclose(value, wrong) for wrong in added)] == []


def test_configurations_are_valid_and_questions_answered(settings: dict[str, str], tmp_path: Path) -> None:
    message = run(settings, "mf", "validate-configs", "--show-all")
    assert message.count("(ERRORS: 0, FUTURE_ERRORS: 0, WARNINGS: 0)") == 6
    for name, columns in {
        "cost_by_country_and_month": "metric_time__month,country,currency,country__country_name,",
        "quality_by_application_and_week": "metric_time__week,application,application__application_name,",
        "busy_hour_by_day": "metric_time__day,application,busy_hour__start_of_busy_hour,",
    }.items():
        run(settings, "mf", "query", "--saved-query", name, "--csv", str(tmp_path / name))
        header, *rows = (tmp_path / name).read_text().splitlines()
        assert header.startswith(columns)
        assert len(rows) > 2
