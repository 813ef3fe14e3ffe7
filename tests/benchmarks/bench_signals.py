"""Counts the false alarms of mart_signals: a clean synthetic year of twenty applications, nothing planted.

    python tests/benchmarks/bench_signals.py                 # 1.5 million calls; minutes
    python tests/benchmarks/bench_signals.py --days 120 --calls-per-day 2000

Five times the four applications of `cdr synth`, each time with another seed and other keys. Every signal
is a false one; the rate is per entity and day that the rule looks at. Nothing is asserted.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

REPOSITORY = Path(__file__).resolve().parents[2]
COPIES = 5
KEY = re.compile(
    r"(?<=;)([0-9a-f]{8})(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?=[;\r\n])", re.IGNORECASE
)
# The entity-days that each rule looks at.
DENOMINATORS = {
    ("application",): "select count(*) from intermediate.int_signals__applications_daily",
    ("user",): "select count(*) from intermediate.int_signals__users_daily where amount_reporting > 0",
    ("application_country",): (
        "select count(*) from (select distinct application_key, destination_country, report_date"
        " from intermediate.int_signals__destinations_daily where destination_country is not null)"
    ),
    ("caller",): (
        "select count(*) from (select distinct caller_e164, report_date"
        " from intermediate.int_calls__clear where caller_e164 is not null)"
    ),
    ("callee",): "select count(*) from intermediate.int_signals__own_numbers_daily",
    ("caller_callee",): (
        "select count(*) from (select distinct caller_e164, callee_e164, report_date"
        " from intermediate.int_calls__clear where caller_e164 is not null and callee_e164 is not null)"
    ),
}


def cdr(database: Path, *arguments: str) -> None:
    """Runs the project's command quietly; its messages are shown where it fails."""
    result = subprocess.run(
        [sys.executable, "-m", "loader", *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"CDR_DATABASE": str(database)},
        capture_output=True,
        text=True,
    )
    if result.returncode:
        sys.exit(result.stdout + result.stderr)


def write_year(folder: Path, database: Path, days: int, calls_per_day: int) -> None:
    """Deliveries of all copies; the first digits of a copy's keys and the names of its files are its own."""
    for copy in range(COPIES):
        copied = folder / f"copy{copy}"
        cdr(
            database, "synth", str(copied), "--days", str(days),
            "--calls-per-day", str(calls_per_day // COPIES), "--seed", str(copy + 1), "--quiet",
        )  # fmt: skip
        for path in sorted(copied.glob("*.csv")):
            text = path.read_text(encoding="utf-8")
            path.write_text(KEY.sub(rf"0000000{copy}\2", text), encoding="utf-8", newline="")
            path.rename(path.with_name(f"copy{copy}_{path.name}"))


def rates(database: Path) -> list[tuple[str, str, int, int]]:
    """Rule, entity type, signals and the entity-days that were looked at."""
    with duckdb.connect(str(database), read_only=True) as connection:
        days = {key: connection.execute(query).fetchall()[0][0] for (key,), query in DENOMINATORS.items()}
        found = connection.execute(
            "select rule, entity_type, count(*) from marts.mart_signals group by all order by all"
        ).fetchall()
        rules = connection.execute(
            "select distinct rule from reference.signal_rules order by rule"
        ).fetchall()
    counted = [(rule, entity_type, signals, days[entity_type]) for rule, entity_type, signals in found]
    silent = {rule for (rule,) in rules} - {rule for rule, *_ in found}
    return counted + [(rule, "", 0, 0) for rule in sorted(silent)]


def main() -> None:
    """Builds the year and prints a table of signals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--calls-per-day", type=int, default=4_000)
    parser.add_argument("--folder", type=Path, help="keep the deliveries and the database here")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        database = folder / "signals.duckdb"
        if not database.exists():
            write_year(folder, database, arguments.days, arguments.calls_per_day)
            cdr(database, "stage", str(folder), "--quiet")
        cdr(
            database,
            "build",
            "-s",
            "+mart_signals",
            "--exclude-resource-type",
            "test",
            "unit_test",
            "--quiet",
        )
        table = rates(database)
    if arguments.json:
        print(json.dumps(table))
        return
    print("| rule | entity | signals | entity-days | per cent |")
    print("|---|---|---:|---:|---:|")
    for rule, entity_type, signals, days in table:
        share = f"{100 * signals / days:.3f}" if days else ""
        print(f"| `{rule}` | {entity_type} | {signals:,} | {days:,} | {share} |")


if __name__ == "__main__":
    main()
