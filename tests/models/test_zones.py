"""Tariffs of parts of a country: planted ones are found, and no other is reported."""

import random
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from harness import Loader
from planted_tariffs import FIRST, HEADER, ROWS, TYPES, Row, plant
from warehouse import Warehouse


def test_planted_tariffs_are_found_and_no_other(tmp_path: Path) -> None:
    chance = random.Random(38)
    countries = [plant(chance, number, (150, 600)) for number in range(20)]
    loader = Loader(tmp_path / "zones.duckdb", tmp_path)
    warehouse = Warehouse(loader, tmp_path / "target")
    no_tests = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
    for days in ([0, 1], [2]):
        for day in days:
            file_date = FIRST + timedelta(days=day)
            lines = [HEADER, *(line for country in countries for line in country.lines(file_date))]
            name = f"cdr_phone_terminated_{file_date}.csv"
            loader.stage(loader.write(name, "\n".join(lines) + "\n"))
        warehouse.dbt("build", "-s", "+mart_rate_history", *no_tests)
    types = dict(loader.query(TYPES))
    rows = defaultdict(list)
    for key, *row in loader.query(ROWS):
        rows[key].append(Row(*row))
    found, planted = 0, 0
    for country in countries:
        verdicts = [country.verdict(row, types) for row in rows[country.key]]
        assert "wrong" not in [verdict for verdict, _ in verdicts], (country.kind, country.tariffs)
        if country.kind == "one":
            assert not [row for row in rows[country.key] if row.zone]
        else:
            zones = country.zones(100)
            planted += len(zones)
            found += len(zones & {zone for _, held in verdicts for zone in held})
    assert found >= 0.7 * planted
    # Every call is in one row.
    calls = sum(len(country.calls) for country in countries)
    assert loader.query("select sum(calls) from marts.mart_rate_history") == [(calls,)]
    # A full refresh finds the same.
    incremental = sorted(map(repr, loader.query("from marts.mart_rate_history")))
    warehouse.dbt("build", "-s", "int_tariffs__pairs+,+mart_rate_history", "--full-refresh", *no_tests)
    assert sorted(map(repr, loader.query("from marts.mart_rate_history"))) == incremental
