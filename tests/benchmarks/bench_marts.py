"""Measure each mart over fact_calls against the query that one would write by hand for it.

`make bench` runs it after bench_build.py. A history is staged and built once, with the rate card and invoices
of `cdr synth --planted`. Then, in turns, each mart is computed whole by dbt, with the intermediate tables
that it alone needs, and by its query of marts_by_hand.sql, each in a process of its own. What counts are
processor seconds, less those that dbt takes for the same models of a database with a few calls, and the
client to connect. Nothing is asserted.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
from pathlib import Path

import duckdb
from bench_build import CALLS_A_DAY, MODELS_ONLY, Bench, Cost, in_a_process, multiplied, synthetic

BY_HAND = Path(__file__).with_name("marts_by_hand.sql")
# The tables between fact_calls and a mart; views cost nothing by themselves.
ALSO = {
    "mart_invoice_reconciliation": ("int_amounts__daily",),
    "mart_traffic_hourly": ("int_traffic__later_days",),
    "mart_busy_hour": ("int_traffic__later_days",),
}
# The inference has no counterpart that one would write by hand.
ALONE = (
    "int_tariffs__pairs",
    "int_tariffs__sampled",
    "int_tariffs__daily",
    "int_tariffs__runs",
    "mart_rate_history",
)
CLIENT = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1], config={"storage_compatibility_version": "v1.4.0"})
connection.execute("set TimeZone = 'UTC'")
connection.execute(f"set memory_limit = '{os.environ.get('CDR_MEMORY_LIMIT', '6GiB')}'")
connection.execute("attach ? as source (read_only)", [sys.argv[2]])
if sys.argv[3:]:
    connection.execute(f"create table {sys.argv[3]} as {sys.argv[4]}")
connection.close()
"""


def queries() -> dict[str, str]:
    """The hand-written query of each mart."""
    parts = re.split(r"^-- (mart_\w+)$", BY_HAND.read_text(), flags=re.MULTILINE)[1:]
    return {name: text.strip().rstrip(";") for name, text in zip(parts[::2], parts[1::2], strict=True)}


def differing(bench: Bench, mart: str) -> int:
    """How many rows one has and the other lacks, in the columns that both have; doubles to nine places."""
    with duckdb.connect() as connection:
        connection.execute("attach ? as dbt (read_only)", [str(bench.path("history"))])
        connection.execute("attach ? as hand (read_only)", [str(bench.path("hand"))])
        both = connection.execute(
            "select column_name, any_value(data_type) from duckdb_columns() where table_name = ? "
            "and database_name in ('dbt', 'hand') group by all having count(*) = 2",
            [mart],
        ).fetchall()
        kinds = dict(
            connection.execute(f"select column_name, column_type from (describe dbt.marts.{mart})").fetchall()
        )
        columns = ", ".join(
            f"round(cast({name} as double), 9)"
            if kinds[name] == "DOUBLE"
            else f"cast({name} as {kinds[name]})"
            for name, _ in sorted(both)
        )
        sides = f"select {columns} from dbt.marts.{mart}", f"select {columns} from hand.{mart}"
        if mart == "mart_invoice_reconciliation":
            sides = f"{sides[0]} where scope = 'account' and cdr_amount is not null", sides[1]
        lacking = "select count(*) from (({}) except all ({}))"
        return sum(
            connection.execute(lacking.format(one, other)).fetchall()[0][0]
            for one, other in (sides, sides[::-1])
        )


def processor(costs: list[Cost], start: float) -> float:
    """The median of processor seconds, less those of the start."""
    return statistics.median(cost.processor for cost in costs) - start


def main() -> None:
    """Build the history, measure each mart and print the tables."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    add = parser.add_argument
    add("--calls", type=int, default=1_000_000, help="calls of the history (default: one million)")
    add(
        "--times",
        type=int,
        default=1,
        help="so many times these calls, on earlier days (default: 1)",
    )
    add("--rounds", type=int, default=3, help="the median of these rounds counts (default: 3)")
    add("--folder", type=Path, help="where to work (default: a temporary folder)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cdr-bench-", dir=chosen.folder) as temporary:
        bench = Bench(Path(temporary))
        history, made = bench.path("history"), bench.folder / "made"
        synthetic(made, max(1, chosen.calls // CALLS_A_DAY), 1, plants=True)
        bench.environment["CDR_RATE_CARD"] = str(made / "seeds" / "rate_card.csv")
        bench.environment["CDR_INVOICES"] = str(made / "seeds" / "invoices.csv")
        bench.cdr("stage", made, database=bench.path("made"))
        in_a_process(multiplied, bench.path("made"), history, chosen.times)
        bench.cdr("build", *MODELS_ONLY, database=history)
        with duckdb.connect(str(history), read_only=True) as connection:
            calls = connection.execute("select count(*) from marts.fact_calls").fetchall()[0][0]
        few = bench.path("few")
        synthetic(bench.folder / "few", 1, 1, calls=100)
        bench.cdr("run", bench.folder / "few", database=few)
        connects = [bench.python(CLIENT, bench.path("none"), history, database=history) for _ in range(3)]
        client_start = processor(connects, 0)
        print(f"\n### Marts of {calls:,} calls\n")
        print("| mart | processor seconds by hand | dbt | ratio | MiB by hand | dbt | rows that differ |")
        print("|---|---:|---:|---:|---:|---:|---:|", flush=True)
        for mart, query in queries().items():
            by_hand, ours, whatever = [], [], []
            select = ("-s", mart, *ALSO.get(mart, ()), "--full-refresh", *MODELS_ONLY)
            for _ in range(chosen.rounds):
                bench.remove("hand")
                hand = bench.path("hand")
                by_hand.append(bench.python(CLIENT, hand, history, mart, query, database=hand))
                ours.append(bench.cdr("build", *select, database=history))
                whatever.append(bench.cdr("build", *select, database=few))
            base, cost = processor(by_hand, client_start), processor(ours, processor(whatever, 0))
            memory = [max(cost.memory for cost in costs) for costs in (by_hand, ours)]
            figures = f"{base:.2f} | {cost:.2f} | {cost / base:.2f} | {memory[0]:,.0f} | {memory[1]:,.0f}"
            print(f"| `{mart}` | {figures} | {differing(bench, mart):,} |", flush=True)
        select = ("-s", *ALONE, "--full-refresh", *MODELS_ONLY)
        dbt_start = processor([bench.cdr("build", *select, database=few)], 0)
        inference = bench.cdr("build", *select, database=history)
        print(
            f"\nThe inference of `mart_rate_history` ({', '.join(ALONE[:-1])}): "
            f"{inference.processor - dbt_start:.1f} processor seconds, {inference.memory:,.0f} MiB at most.",
            flush=True,
        )


if __name__ == "__main__":
    sys.path.insert(0, os.fspath(Path(__file__).parent))
    main()
