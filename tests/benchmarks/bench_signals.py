"""Count false alarms of mart_signals: a clean synthetic year of twenty-five applications, nothing planted.

    python tests/benchmarks/bench_signals.py                 # 1.5 million calls; minutes
    python tests/benchmarks/bench_signals.py --days 120 --calls-per-day 2000

Five times the five applications of `cdr synth`, each time with another seed and other keys. Every signal
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
DESTINATIONS = (
    "(select sum(calls) as calls, sum(seizures) as seizures, sum(timed_answers) as timed_answers"
    " from intermediate.int_signals__destinations_daily where destination_country is not null"
    " group by application_key, destination_country, report_date)"
)
APPLICATIONS = "intermediate.int_signals__applications_daily"
USERS = "intermediate.int_signals__users_daily"
CALLERS = "intermediate.int_signals__callers_daily"
NUMBERS = "intermediate.int_signals__own_numbers_daily"
# The entity-days on which each rule can fire: those with the calls or the spend that it requires.
LOOKED_AT = {
    ("answer_ratio_drop", "application_country"): (DESTINATIONS, "seizures >= 100"),
    ("dialer_like", "caller"): (CALLERS, "timed_answers >= 100"),
    ("fas_like", "application_country"): (DESTINATIONS, "calls >= 100"),
    ("irsf_like", "application"): (APPLICATIONS, "true"),
    ("irsf_like", "user"): (USERS, "true"),
    ("low_trust_number", "caller"): (CALLERS, "timed_answers >= 50"),
    ("new_destination", "application_country"): (DESTINATIONS, "true"),
    ("no_failures", "application"): (APPLICATIONS, "calls >= 200"),
    ("off_hours_share", "application"): (
        APPLICATIONS,
        "cast(charged as double) * cast(charged as double) >= 20 * cast(charged_squares as double)"
        " and charged > 0",
    ),
    ("short_call_burst", "application_country"): (DESTINATIONS, "timed_answers >= 20"),
    ("short_call_burst", "caller"): (CALLERS, "timed_answers >= 20"),
    ("spend_spike", "application"): (APPLICATIONS, "amount_reporting > 5"),
    ("spend_spike", "user"): (USERS, "amount_reporting > 5"),
    ("targeted_pumping", "caller_callee"): (CALLERS, "calls >= 10"),
    ("toll_free_pumping", "callee"): (NUMBERS, "calls > 50"),
    ("wangiri_like", "caller"): (CALLERS, "distinct_callees >= 50"),
}


def cdr(database: Path, *arguments: str) -> None:
    """Run the project's command quietly; its messages are shown where it fails."""
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


def rates(database: Path) -> list[tuple[str, str, int, int, int]]:
    """Rule, entity type, signals, entity-days, and those of them on which the rule can fire."""
    table = []
    with duckdb.connect(str(database), read_only=True) as connection:
        for (rule, entity_type), (relation, condition) in LOOKED_AT.items():
            days = connection.execute(
                f"select count(*), count(*) filter (where {condition}) from {relation} as days"
            ).fetchall()
            signals = connection.execute(
                "select count(*) from marts.mart_signals where rule = ? and entity_type = ?",
                [rule, entity_type],
            ).fetchall()
            table.append((rule, entity_type, signals[0][0], *days[0]))
    return table


def main() -> None:
    """Build the year and print a table of signals."""
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
    print("| rule | entity | signals | entity-days | per cent | with enough for the rule |")
    print("|---|---|---:|---:|---:|---:|")
    for rule, entity_type, signals, days, enough in table:
        share = f"{100 * signals / days:.3f}" if days else ""
        print(f"| `{rule}` | {entity_type} | {signals:,} | {days:,} | {share} | {enough:,} |")


if __name__ == "__main__":
    main()
