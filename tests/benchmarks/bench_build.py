"""Measure the models against one hand-written DuckDB script, and a day's job against its history.

`make bench` runs it after bench.py. A history of days of 250,000 calls is staged once and multiplied inside
DuckDB: the same calls, earlier and with other ids. Every measurement is a process of its own, what is
compared runs in turns, and the median of the rounds counts; every round adds another day. Nothing is
asserted.

Ten million calls and a hundred million: `--calls 10000000 --times 10`, an hour on two cores, 100 GB.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

REPOSITORY = Path(__file__).resolve().parents[2]
BY_HAND = Path(__file__).with_name("by_hand.sql")
CALLS_A_DAY = 250_000
LAST_DAY = date(2026, 11, 22)
KINDS = ("phone_terminated", "phone_originated", "app_app", "sip_terminated")
MODELS_ONLY = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
# The same settings as profiles/profiles.yml gives dbt.
HAND_WRITTEN = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1], config={"storage_compatibility_version": "v1.4.0"})
limit = os.environ.get("CDR_MEMORY_LIMIT", "6GiB")
connection.execute("set TimeZone = 'UTC'")
connection.execute(f"set memory_limit = '{limit}'")
connection.execute("attach ? as source (read_only)", [sys.argv[2]])
connection.execute(open(sys.argv[3]).read())
connection.close()
"""
IMPORT = "import dbt.cli.main, dbt.adapters.duckdb"
PARSE = """
import sys
from dbt.cli.main import dbtRunner
dbtRunner().invoke(["--quiet", "parse", *sys.argv[1:]])
"""


@dataclass
class Cost:
    """The cost of a process: seconds on the clock and of processors, its largest memory and, of the database
    with what spilled beside it, the largest size, both in MiB.
    """

    seconds: float
    processor: float
    memory: float
    disk: float
    nodes: dict[str, float] = field(default_factory=dict)


def median(costs: list[Cost]) -> Cost:
    """Of each measure the median of the rounds; of memory and disk the largest."""
    names = set().union(*(cost.nodes for cost in costs))
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.processor for cost in costs),
        max(cost.memory for cost in costs),
        max(cost.disk for cost in costs),
        {name: statistics.median(cost.nodes.get(name, 0.0) for cost in costs) for name in names},
    )


class Bench:
    """The folder of all measurements."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "DBT_LOG_PATH": str(folder / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        self.environment.pop("CDR_TARGET", None)

    def path(self, name: str) -> Path:
        """The path of a database."""
        return self.folder / f"{name}.duckdb"

    def remove(self, name: str) -> None:
        """Remove a database."""
        for path in self.folder.glob(f"{name}.duckdb*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def measured(self, command: list[str], database: Path) -> Cost:
        """Run a command on a database in a process of its own."""
        output = self.folder / "output.json"
        # dbt's own files by database: it parses again for another one.
        target = {"DBT_TARGET_PATH": str(self.folder / f"target-{database.stem}")}
        environment = {**self.environment, **target, "CDR_DATABASE": str(database)}
        with output.open("w") as out, (self.folder / "errors.txt").open("w") as errors:
            began = time.monotonic()
            process = subprocess.Popen(command, stdout=out, stderr=errors, env=environment, cwd=REPOSITORY)
            with watched(database) as sizes:
                _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            message = (self.folder / "errors.txt").read_text()
            raise SystemExit(f"{command} ended with {process.returncode}: {message}")
        nodes: dict[str, float] = {}
        if "--json" in command:
            document: dict[str, Any] = json.loads(output.read_text())
            results = document.get("nodes") or document.get("build", {}).get("nodes") or []
            nodes = {result["node"]: result["seconds"] for result in results}
            for result in results:
                if result["status"] in ("fail", "error"):
                    print(f"{result['node']}: {result['status']}: {result['message']}", file=sys.stderr)
        return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, max(sizes), nodes)

    def python(self, text: str, *arguments: object, database: Path) -> Cost:
        """Run a piece of Python."""
        return self.measured([sys.executable, "-c", text, *map(str, arguments)], database)

    def cdr(self, *arguments: object, database: Path) -> Cost:
        """Run a command of the project."""
        command = [sys.executable, "-m", "loader", *map(str, arguments), "--json"]
        return self.measured(command, database)

    def by_hand(self, source: Path) -> Cost:
        """The hand-written script on the raw tables and seeds of a database, into a new one."""
        self.remove("hand")
        return self.python(HAND_WRITTEN, self.path("hand"), source, BY_HAND, database=self.path("hand"))

    def full_refresh(self, database: Path, *arguments: str) -> Cost:
        """`cdr build --full-refresh`."""
        return self.cdr("build", "--full-refresh", *arguments, database=database)


@contextmanager
def watched(database: Path) -> Iterator[list[float]]:
    """The sizes in MiB of a database and the files next to it, twice a second."""
    sizes: list[float] = [0.0]
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            total = 0
            for pattern in (f"{database.name}*", f"{database.name}.tmp/*"):
                for path in database.parent.glob(pattern):
                    with suppress(FileNotFoundError):
                        total += path.stat().st_size
            sizes.append(total / 2**20)
            done.wait(0.5)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield sizes
    finally:
        done.set()
        thread.join()


def synthetic(folder: Path, days: int, seed: int, end: date = LAST_DAY, **options: Any) -> list[Path]:
    """Deliveries of some days."""
    sys.path.insert(0, str(REPOSITORY))
    from loader.synth import synthesise

    return synthesise(folder, days, options.pop("calls", CALLS_A_DAY), seed, end=end, **options)


def in_a_process(work: Callable[..., object], *arguments: object) -> None:
    """Run a function in a process of its own: a process starts with the peak of its parent's memory."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{work.__name__} ended with {process.exitcode}")


def multiplied(source: Path, target: Path, times: int) -> None:
    """A database with the raw tables of another one so many times over: every copy earlier by the days that
    the source covers, with other ids and file names.
    """
    connection = duckdb.connect(str(target), config={"storage_compatibility_version": "v1.4.0"})
    connection.execute("attach ? as source (read_only)", [str(source)])
    connection.execute("set memory_limit = '4GiB'")
    connection.execute("set enable_progress_bar = false")
    connection.execute("create schema raw_sinch")
    connection.execute("""
        create temp macro earlier(t, days) as
            case when t <> '' then strftime(cast(t[:10] as date) - days, '%Y-%m-%d') || t[11:] else t end
    """)
    for table in (*KINDS, "files", "rejected_records"):
        connection.execute(f"create table raw_sinch.{table} as from source.raw_sinch.{table} limit 0")
    files, days = connection.execute(
        "select max(file_id), count(distinct file_date) from source.raw_sinch.files where state = 'current'"
    ).fetchall()[0]
    # Oldest first, as they would have come.
    for copy in reversed(range(times)):
        shift = f"cast({copy * days} as integer)"
        step = (times - 1 - copy) * files
        # Another one in each database: a copy of a copy has ids of its own, too.
        mark = f"'{target.stem}-{copy}-'" if copy else "''"
        for kind in KINDS:
            answered = (
                f', earlier("AnswerTime", {shift}) as "AnswerTime"' if kind == "phone_terminated" else ""
            )
            connection.execute(f"""
                insert into raw_sinch.{kind} by name
                select * replace (
                    {mark} || "CallId" as "CallId",
                    earlier("CallTime", {shift}) as "CallTime"{answered},
                    _file_id + {step} as _file_id
                )
                from source.raw_sinch.{kind}
                where _file_id in (select file_id from source.raw_sinch.files where state = 'current')
            """)
        connection.execute(f"""
            insert into raw_sinch.files by name
            select * replace (
                file_id + {step} as file_id,
                {mark} || file_name as file_name,
                sha256({mark} || sha256) as sha256,
                file_date - {shift} as file_date
            )
            from source.raw_sinch.files
            where state = 'current'
        """)
    connection.close()


def differences(bench: Bench) -> tuple[int, list[str]]:
    """How many tables dbt and the hand-written script both build of a small delivery with every irregularity,
    and those that the script computes otherwise.
    """
    synthetic(bench.folder / "small", 3, 1, calls=2000, warts=True)
    bench.cdr("run", bench.folder / "small", database=bench.path("small"))
    bench.by_hand(bench.path("small"))
    connection = duckdb.connect()
    connection.execute("attach ? as dbt (read_only)", [str(bench.path("small"))])
    connection.execute("attach ? as hand (read_only)", [str(bench.path("hand"))])
    tables = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where database_name = 'dbt' and schema_name in ('staging', 'marts') "
        "and (schema_name, table_name) in "
        "(select (schema_name, table_name) from duckdb_tables() where database_name = 'hand') order by all"
    ).fetchall()
    different = []
    for (table,) in tables:
        theirs, ours = (connection.execute(f"describe {side}.{table}").fetchall() for side in ("dbt", "hand"))
        columns = ", ".join(f'"{column[0]}"' for column in theirs)
        same = sorted(column[:2] for column in theirs) == sorted(column[:2] for column in ours)
        lacking = "select {0} from {1} except all select {0} from {2}"
        for one, other in (("dbt", "hand"), ("hand", "dbt")):
            sides = f"{one}.{table}", f"{other}.{table}"
            same = same and not connection.execute(lacking.format(columns, *sides)).fetchone()
        if not same:
            different.append(table)
    connection.close()
    bench.remove("small")
    return len(tables), different


def heading(title: str, what: str) -> None:
    """A table's title and head."""
    print(f"\n### {title}\n")
    print(f"| {what} | seconds | ratio | processor seconds | ratio | memory MiB | disk MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|", flush=True)


def row(name: str, cost: Cost, base: Cost | None) -> None:
    """One line of a table."""
    wall = f"{cost.seconds / base.seconds:.2f}" if base else ""
    processor = f"{cost.processor / base.processor:.2f}" if base else ""
    print(
        f"| {name} | {cost.seconds:.1f} | {wall} | {cost.processor:.1f} | {processor} "
        f"| {cost.memory:,.0f} | {cost.disk:,.0f} |",
        flush=True,
    )


def start_table(bench: Bench, rounds: int) -> Cost:
    """Measure dbt's own start; return the cost that every command has: import and parse from the cache."""
    profile = ["--project-dir", REPOSITORY, "--profiles-dir", REPOSITORY / "profiles"]
    database = bench.path("none")
    cold, imports, warm = [], [], []
    for _ in range(rounds):
        imports.append(bench.python(IMPORT, database=database))
        cold.append(bench.python(PARSE, *profile, "--no-partial-parse", database=database))
        warm.append(bench.python(PARSE, *profile, database=database))
    heading("dbt's own start", "process")
    row("import of dbt", median(imports), None)
    row("import and parse, nothing cached", median(cold), None)
    row("import and parse, cached", median(warm), None)
    return median(warm)


def full_table(bench: Bench, database: Path, calls: int, rounds: int, start: Cost) -> None:
    """Full refresh against the hand-written script."""
    bench.cdr("build", *MODELS_ONLY, database=database)
    hand, models = [], []
    for _ in range(rounds):
        hand.append(bench.by_hand(database))
        models.append(bench.full_refresh(database, *MODELS_ONLY))
    tested = bench.full_refresh(database)
    base, ours = median(hand), median(models)
    heading(f"Full refresh of {calls:,} calls", "process")
    row("`by_hand.sql`", base, base)
    row("`cdr build --full-refresh`, models only", ours, base)
    without = Cost(ours.seconds - start.seconds, ours.processor - start.processor, ours.memory, ours.disk)
    row("the same without dbt's own start", without, base)
    row("`cdr build --full-refresh`, models and tests", tested, base)
    longest(ours.nodes)
    bench.remove("hand")


def longest(nodes: dict[str, float]) -> None:
    """The nodes that took longest."""
    top = sorted(nodes.items(), key=lambda node: -node[1])[:8]
    texts = [f"{name.split('.')[2]} {seconds:.1f} s" for name, seconds in top]
    print(f"\nLongest: {', '.join(texts)}.", flush=True)


def by_parts(cost: Cost) -> str:
    """How long seeds, models and tests took together."""
    totals: dict[str, float] = {}
    for name, seconds in cost.nodes.items():
        kind = name.split(".")[0]
        totals[kind] = totals.get(kind, 0.0) + seconds
    return ", ".join(f"{kind} {seconds:.1f}" for kind, seconds in sorted(totals.items()))


def day_table(bench: Bench, histories: dict[int, Path], days: list[Path]) -> None:
    """One day more: in an empty database and after each history. The history is made to look built a month
    ago: data tests read what was written in the last days, and that must not be the history.
    """
    a_month_passes = "update intermediate.build_log set logged_at = logged_at - interval 30 days"
    profile = ["--project-dir", REPOSITORY, "--profiles-dir", REPOSITORY / "profiles"]
    bench.python(PARSE, *profile, database=bench.path("empty"))
    empty: list[Cost] = []
    after: dict[int, list[Cost]] = {calls: [] for calls in histories}
    for day in days:
        bench.remove("empty")
        empty.append(bench.cdr("run", day, database=bench.path("empty")))
        for calls, database in histories.items():
            with duckdb.connect(str(database)) as connection:
                connection.execute(a_month_passes)
            after[calls].append(bench.cdr("run", day, database=database))
    base = median(empty)
    heading(f"A day of {CALLS_A_DAY:,} calls, `cdr run`: files to marts and tests", "after a history of")
    row("nothing", base, base)
    for calls, costs in after.items():
        row(f"{calls:,} calls", median(costs), base)
    print(
        "\nBy parts, seconds of nodes that run two at a time:",
        by_parts(median(after[min(after)])),
        flush=True,
    )
    if len(histories) > 1:
        smallest, largest = (median(after[calls]) for calls in (min(after), max(after)))
        print(
            f"\nThe largest history against the smallest: {largest.seconds / smallest.seconds:.2f} "
            f"(processor {largest.processor / smallest.processor:.2f}).\n"
        )
        growth = {name: seconds - smallest.nodes.get(name, 0.0) for name, seconds in largest.nodes.items()}
        print("| what grows with the history | seconds, smallest | seconds, largest |\n|---|---:|---:|")
        for name, _ in sorted(growth.items(), key=lambda node: -node[1])[:10]:
            few, many = smallest.nodes.get(name, 0.0), largest.nodes[name]
            print(f"| {name.split('.', 2)[2][:90]} | {few:.2f} | {many:.2f} |", flush=True)


def main() -> None:
    """Run the measurements and print the tables."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    add = parser.add_argument
    add("--calls", type=int, default=1_000_000, help="calls of the history (default: one million)")
    add("--times", type=int, default=4, help="the larger history, as a multiple (default: 4)")
    add("--rounds", type=int, default=2, help="the median of these rounds counts (default: 2)")
    add("--staged", type=Path, help="take the staged history of this database instead of a new one")
    add("--folder", type=Path, help="where to work (default: a temporary folder)")
    add("--only", choices=["equality", "start", "full", "day", "all"], default="all")
    chosen = parser.parse_args()
    if importlib.util.find_spec("dbt") is None:
        raise SystemExit("dbt is not installed: run `make bench`")
    if chosen.folder:
        chosen.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cdr-bench-", dir=chosen.folder) as temporary:
        bench = Bench(Path(temporary))
        if chosen.only in ("equality", "all"):
            tables, different = differences(bench)
            print(f"{tables} tables of a delivery with every irregularity computed both ways.")
            print(f"by_hand.sql differs from dbt in: {', '.join(different) or 'none'}.")
        if chosen.only == "equality":
            return
        start = start_table(bench, chosen.rounds)
        if chosen.only == "start":
            return
        history = bench.path("history")
        if chosen.staged:
            in_a_process(multiplied, chosen.staged, history, 1)
        else:
            synthetic(bench.folder / "made", max(1, chosen.calls // CALLS_A_DAY), 1)
            bench.cdr("stage", bench.folder / "made", database=history)
            shutil.rmtree(bench.folder / "made")
        with duckdb.connect(str(history), read_only=True) as connection:
            calls = connection.execute("select sum(records) from raw_sinch.files").fetchall()[0][0]
        if chosen.only in ("full", "all"):
            full_table(bench, history, calls, chosen.rounds, start)
        if chosen.only in ("day", "all"):
            histories = {calls: history}
            if chosen.times > 1:
                histories[calls * chosen.times] = bench.path("larger")
                in_a_process(multiplied, history, bench.path("larger"), chosen.times)
            heading("First build", "history of")
            for size, database in histories.items():
                if size != calls or chosen.only == "day":
                    row(f"{size:,} calls, models and tests", bench.cdr("build", database=database), None)
            days = []
            for at in range(chosen.rounds):
                days.append(bench.folder / f"day{at}")
                synthetic(days[-1], 1, 2 + at, LAST_DAY + timedelta(days=1 + at))
            day_table(bench, histories, days)


if __name__ == "__main__":
    main()
