"""Metrics are defined in one place: the page's table, the marts' columns and the semantic models agree."""

import re
import subprocess
from typing import Any

import pytest
import yaml
from dictionary import REPOSITORY, models
from formulas import METRICS, PAGE, SEMANTIC_MODELS, formula, metrics, page


def measures() -> dict[str, tuple[dict[str, Any], str]]:
    """Each measure with the mart that it is of."""
    return {
        measure["name"]: (measure, re.fullmatch(r"ref\('(\w+)'\)", model["model"])[1])  # type: ignore[index]
        for model in yaml.safe_load(SEMANTIC_MODELS.read_text())["semantic_models"]
        for measure in model.get("measures", [])
    }


def test_the_table_of_formulas_is_that_of_the_metrics() -> None:
    assert PAGE.read_text() == page(), "run make generated"


def test_what_the_pages_ask_for_exists() -> None:
    """Metrics, entities, dimensions and saved queries in the commands that people copy."""
    layer = yaml.safe_load(SEMANTIC_MODELS.read_text())["semantic_models"]
    entities = {entity["name"] for model in layer for entity in model.get("entities", [])}
    grains = {f"metric_time__{grain}" for grain in ("day", "week", "month", "quarter", "year")}
    # A dimension is asked for by its semantic model's primary entity.
    dimensions = {
        f"{model.get('primary_entity') or model['entities'][0]['name']}__{dimension['name']}"
        for model in layer
        for dimension in model["dimensions"]
    }
    known = {
        "metrics": {metric["name"] for metric in metrics()},
        "group-by": entities | dimensions | grains,
        "saved-query": {query["name"] for query in yaml.safe_load(METRICS.read_text())["saved_queries"]},
    }
    for path in ("README.md", "models/README.md", "Makefile"):
        text = (REPOSITORY / path).read_text().replace("$(comma)", ",")
        for option, names in re.findall(r"--(metrics|group-by|saved-query) ([a-z_,0-9]+)", text):
            assert set(names.split(",")) <= known[option], (path, names)
    section = PAGE.read_text().split("## Metrics\n")[1].split("\n## ")[0]
    asked = set(re.findall(r"`((?:[a-z]+_?)+__[a-z_]+)`", section)) | {"call_type", "currency"}
    assert asked <= known["group-by"]
    # What metric_time is of each.
    assert {name.split("__")[1] for name in dimensions - asked} == {"report_date", "utc_date"}


def test_ratios_are_described_in_the_marts_as_the_metrics_define_them() -> None:
    described = {
        column["name"]: column["description"]
        for model in models()
        if model["name"] in ("mart_quality_daily", "mart_cost_daily")
        for column in model["columns"]
    }
    compared = 0
    for metric in metrics():
        if metric["name"] in described and "/" in formula(metric) and metric["name"] != "minutes":
            wanted = formula(metric).replace("answers_in_currency", "answers")
            assert wanted in described[metric["name"]], metric["name"]
            compared += 1
    assert compared == 11


def test_a_metric_is_a_column_of_the_same_name() -> None:
    """Of a mart's column, unless it is no column of one: what only the semantic layer has is listed here."""
    columns = {model["name"]: {column["name"] for column in model["columns"]} for model in models()}
    own = {
        *("calls", "answers_in_currency", "overcharged_calls", "amount_coded", "charged_amount_coded"),
        *("overcharge_coded", "traffic_microseconds", "traffic_hours", "busy_hour_erlangs"),
        *("first_currency", "last_currency", "first_overcharge_currency", "last_overcharge_currency"),
        *("answer_delay_p50_seconds", "answer_delay_p95_seconds"),
    }
    for name, (_, mart) in measures().items():
        assert name in own or name in columns[mart], name
    every = set().union(*columns.values())
    assert {metric["name"] for metric in metrics()} - every == (own | {"erlang_hours"}) - every


def test_no_measure_adds_amounts_of_several_currencies() -> None:
    """What is summed of money is converted, or multiplied by a number made from its currency."""
    coded = re.compile(r"cast\(\w+ \* 1000000 as hugeint\) \* \(1 \+ hash\(.*currency.*\) % 999999\)")
    for name, (measure, _) in measures().items():
        text = measure.get("expr", name)
        if measure["agg"] not in ("min", "max", "count") and re.search("amount|charge$", text):
            counts = text.endswith("then answers end")
            assert counts or text == "amount_reporting" or coded.fullmatch(text), name


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ("--metrics amount --group-by metric_time__month,currency", "--order metric_time__month,currency"),
        ("--metrics amount --group-by currency --order -amount", "--order -amount"),
        ("--saved-query cost_by_country_and_month", ""),
        ("", "--order -bids --limit 10"),
    ],
)
def test_rows_of_metrics_have_an_order(asked: str, order: str) -> None:
    """By what they are grouped by, unless somebody asks for another order."""
    command = ["make", "--no-print-directory", "--dry-run", "metrics", f"ARGS={asked}"]
    shown = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    query = shown.split("mf query", 1)[1].replace("\\\n", " ")
    assert query[query.index("--order") :].split() == order.split() if order else "--order" not in query
