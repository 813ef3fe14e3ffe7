"""Planted cases: calls with known findings in the marts, added to a clean delivery.

Each case has an application of its own, so that clean traffic neither hides nor joins it. planted.json lists
the cases; the rate card and the invoices that they are judged by are CSV files for the variables
CDR_RATE_CARD and CDR_INVOICES.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

from loader.feeds import KINDS
from loader.synth.planted.calls import Calls, Case
from loader.synth.planted.invoices import INVOICE_ERROR, INVOICES, invoices
from loader.synth.planted.signals import plant_signals
from loader.synth.planted.tariffs import RATE_CARD, Tariff, plant_tariffs, rate_card_row, tariffs_until

__all__ = ["INVOICE_ERROR", "Case", "Tariff", "write"]

# Signals need weeks of history.
DAYS_FOR_SIGNALS = 60
# A tariff changes two days before the end.
DAYS_FOR_TARIFFS = 5


def write(out: Path, days: int, seed: int, end: date) -> list[Path]:
    """Add the planted deliveries, `seeds/` and planted.json to `out` and return the deliveries.

    Tariffs need five days, signals sixty; with fewer days they are left out.
    """
    calls = Calls(seed)
    cases: list[Case] = []
    tariffs: list[Tariff] = []
    if days >= DAYS_FOR_TARIFFS:
        tariffs = tariffs_until(end)
        cases += plant_tariffs(calls, tariffs, days, end)
    if days >= DAYS_FOR_SIGNALS:
        cases += plant_signals(calls, end)
    paths = []
    first = end - timedelta(days=days - 1)
    in_order = sorted(calls.by_file.items(), key=lambda item: (item[0][1], item[0][0]))
    for (kind, day), records in in_order:
        if first <= day <= end:
            path = out / "planted" / f"cdr_{kind}_{day}_planted.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_csv(path, KINDS[kind], records, ";")
            paths.append(path)
    folder = out / "seeds"
    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(folder / "rate_card.csv", RATE_CARD, map(rate_card_row, tariffs), ",")
    _write_csv(folder / "invoices.csv", INVOICES, invoices(out, end), ",")
    listed = [asdict(case) | {"day": case.day.isoformat()} for case in cases]
    (out / "planted.json").write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
    return paths


def _write_csv(path: Path, columns: Iterable[str], rows: Iterable[dict[str, str]], delimiter: str) -> None:
    names = list(columns)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(
            file, names, restval="", extrasaction="ignore", delimiter=delimiter, lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)
