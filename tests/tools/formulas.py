"""The table of formulas in models/README.md; `make generated` writes it from the metrics' definitions."""

import re
from typing import Any

import yaml
from dictionary import REPOSITORY

PAGE = REPOSITORY / "models" / "README.md"
METRICS = REPOSITORY / "models" / "marts" / "_metrics.yml"
SEMANTIC_MODELS = REPOSITORY / "models" / "marts" / "_semantic_models.yml"
_BEGIN, _END = "<!-- from _metrics.yml, by make generated -->\n", "<!-- end -->"


def metrics() -> list[dict[str, Any]]:
    """The metrics as the YAML has them."""
    found: list[dict[str, Any]] = yaml.safe_load(METRICS.read_text())["metrics"]
    return found


def meta(metric: dict[str, Any]) -> dict[str, Any]:
    """What the project notes of a metric."""
    return dict(metric.get("config", {}).get("meta", {}))


def formula(metric: dict[str, Any]) -> str:
    """Return a metric's formula: inferred for ratios and arithmetic, otherwise as its definition notes it."""
    parameters = metric["type_params"]
    if "formula" in meta(metric):
        return str(meta(metric)["formula"])
    if metric["type"] == "ratio":
        return f"{parameters['numerator']} / {parameters['denominator']}"
    if metric["type"] == "derived":
        # Without what only keeps engines from dividing whole numbers, or by 0.
        text = re.sub(r"cast\(([^()]+) as double\)|nullif\(([^()]+), 0\)", r"(\1\2)", parameters["expr"])
        return re.sub(r"\(([^()+-]+)\)", r"\1", text)
    return ""


def table() -> str:
    """The table, and the counts without a formula."""
    rows = ["| metric | meaning | formula | after |", "|---|---|---|---|"]
    counts = []
    for metric in metrics():
        if meta(metric).get("helper"):
            continue
        if not formula(metric):
            counts.append(f"`{metric['name']}`")
            continue
        cells = metric["description"].rstrip("."), formula(metric), meta(metric).get("after", "")
        rows.append(f"| `{metric['name']}` | {' | '.join(cells)} |")
    counted = f"Counts and sums that they are made of are metrics, too: {', '.join(counts)}."
    return "\n".join([*rows, "", counted, ""])


def page() -> str:
    """The README with the table as it is to be."""
    before, rest = PAGE.read_text().split(_BEGIN)
    return before + _BEGIN + table() + _END + rest.split(_END, 1)[1]


if __name__ == "__main__":
    PAGE.write_text(page())
