"""Measure the loader against plain DuckDB and other readers on the same files; `make bench` runs it.

Every measurement is a process of its own. What is compared runs in turns, and the best of the rounds counts:
a busy machine only ever adds time. "DuckDB" is `create table as select * from read_csv(all_varchar = true)`.
It prints the tables of README.md; `--calls`, `--rounds` and `--only` make it smaller.
"""

import argparse
import csv
import gzip
import importlib.util
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PLAIN_DUCKDB = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], config={"storage_compatibility_version": "v1.4.0"})
connection.execute("create table calls as select * from read_csv(?, all_varchar = true)", [sys.argv[2:]])
connection.close()
"""
PLAIN_DUCKDB_BY_KIND = """
import duckdb, itertools, sys
connection = duckdb.connect(sys.argv[1], config={"storage_compatibility_version": "v1.4.0"})
# cdr_phone_terminated_2026-11-22.csv: the files of a kind stand together.
for kind, paths in itertools.groupby(sys.argv[2:], lambda path: path.rsplit("/", 1)[1].rsplit("_", 1)[0]):
    connection.execute(f"create table {kind} as select * from read_csv(?, all_varchar = true)", [list(paths)])
connection.close()
"""
# What a user would otherwise pick; each into a database file, everything as text, in pieces where it can.
OTHERS = {
    "pandas": """
import duckdb, pandas, sys
connection = duckdb.connect(sys.argv[1])
for at, path in enumerate(sys.argv[2:]):
    for part in pandas.read_csv(path, sep=";", dtype=str, keep_default_na=False, chunksize=200_000):
        connection.register("part", part)
        connection.execute("create table if not exists calls as from part limit 0")
        connection.execute("insert into calls from part")
connection.close()
""",
    "dlt": """
import csv, dlt, os, sys
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
def records():
    for path in sys.argv[2:]:
        with open(path, newline="") as file:
            yield from csv.DictReader(file, delimiter=";")
target = dlt.destinations.duckdb(sys.argv[1])
pipeline = dlt.pipeline("bench", destination=target, pipelines_dir=sys.argv[1] + ".dlt")
pipeline.run(records(), table_name="calls")
""",
    "sqlite_utils": """
import csv, sqlite_utils, sys
database = sqlite_utils.Database(sys.argv[1])
for path in sys.argv[2:]:
    with open(path, newline="") as file:
        database["calls"].insert_all(csv.DictReader(file, delimiter=";"), batch_size=10_000)
""",
}


@dataclass(frozen=True)
class Cost:
    """The cost of a process: seconds on the clock and of processors, and its largest memory in MiB."""

    seconds: float
    processor: float
    memory: float


def measured(command: list[str], expected: tuple[int, ...] = (0,)) -> Cost:
    """Run a command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    assert process.stderr is not None
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in expected:
        raise SystemExit(f"{' '.join(command)[:200]} ended with {process.returncode}: {errors}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


class Bench:
    """The synthetic files, and the ways to load them."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder = folder
        self.rounds = rounds

    def database(self) -> Path:
        """A path for a new database."""
        for path in self.folder.glob("bench.duckdb*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return self.folder / "bench.duckdb"

    def loader(self, *paths: Path, expected: tuple[int, ...] = (0,)) -> Cost:
        """`cdr stage` into a new database."""
        stage = [sys.executable, "-m", "loader", "stage", *map(str, paths), "-q", "--database"]
        return measured([*stage, str(self.database())], expected)

    def script(self, text: str, *paths: Path) -> Cost:
        """A script with a new database and the files as arguments."""
        return measured([sys.executable, "-c", text, str(self.database()), *map(str, paths)])

    def compared(self, *ways: Callable[[], Cost]) -> list[Cost]:
        """Run the alternatives in turns; return the best time and largest memory of each."""
        costs = [[way() for way in ways] for _ in range(self.rounds)]
        return [
            Cost(
                min(cost.seconds for cost in mine),
                min(cost.processor for cost in mine),
                max(cost.memory for cost in mine),
            )
            for mine in zip(*costs, strict=True)
        ]


def synthetic(folder: Path, calls: int) -> Path:
    """One file of phone-terminated calls, of one day."""
    sys.path.insert(0, str(REPOSITORY))
    from loader.synth import synthesise

    # A little more than half of all calls are of this kind.
    made = synthesise(folder / "made", 1, calls * 100 // 57, seed=1)
    return next(path for path in made if "phone_terminated" in path.name)


def small_files(folder: Path, number: int, lines: int, source: Path) -> list[Path]:
    """Files of few records each, one a day."""
    folder.mkdir()
    paths = []
    with source.open() as file:
        header = file.readline()
        for at in range(number):
            path = folder / f"cdr_{date(2020, 1, 1) + timedelta(days=at)}.csv"
            path.write_text(header + "".join(file.readline() for _ in range(lines)))
            paths.append(path)
    return paths


def spoilt(source: Path, target: Path) -> Path:
    """The file with every thousandth line spoilt: an unbalanced quote, a delimiter too many, a bad byte, a
    NUL.
    """
    wounds = (b'"', b";", b"\xff", b"\0")
    with source.open("rb") as lines, target.open("wb") as out:
        for at, line in enumerate(lines):
            out.write(wounds[at // 1000 % len(wounds)] + line if at and at % 1000 == 0 else line)
    return target


def quoted(source: Path, target: Path) -> Path:
    """The file with every field in quotes."""
    with source.open(newline="") as lines, target.open("w", newline="") as out:
        writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows(csv.reader(lines, delimiter=";"))
    return target


def main() -> None:
    """Run the measurements and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--calls", type=int, default=1_000_000, help="records of the file (default: one million)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="the best of these rounds counts")
    parser.add_argument("--only", choices=["loader", "many", "others", "small", "all"], default="all")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cdr-bench-") as temporary:
        bench = Bench(Path(temporary), chosen.rounds)
        plain = synthetic(bench.folder, chosen.calls)
        size = plain.stat().st_size / 1e6
        print(f"{chosen.calls:,} calls, {size:,.0f} MB; best of {chosen.rounds}; {os.cpu_count()} cores\n")
        print("| measured | seconds | ratio | processor seconds | ratio | memory MiB |")
        print("|---|---:|---:|---:|---:|---:|")
        if chosen.only in ("loader", "all"):
            loader_table(bench, plain)
        if chosen.only in ("many", "all"):
            many_table(bench, chosen.calls)
        if chosen.only in ("others", "all"):
            others_table(bench, plain)
        if chosen.only in ("small", "all"):
            small_table(bench, plain)


def row(name: str, cost: Cost, base: Cost) -> None:
    """One line of the table."""
    print(
        f"| {name} | {cost.seconds:.2f} | {cost.seconds / base.seconds:.2f} "
        f"| {cost.processor:.2f} | {cost.processor / base.processor:.2f} | {cost.memory:,.0f} |",
        flush=True,
    )


def loader_table(bench: Bench, plain: Path) -> None:
    """Plain, gzip, quoted and spoilt files against plain DuckDB."""
    packed = plain.with_suffix(".csv.gz")
    with plain.open("rb") as source, gzip.open(packed, "wb", compresslevel=6) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    for name, path in (("plain", plain), ("gzip", packed)):
        base, ours = bench.compared(
            lambda path=path: bench.script(PLAIN_DUCKDB, path), lambda path=path: bench.loader(path)
        )
        row(f"DuckDB, {name} file", base, base)
        row(f"`cdr stage`, {name} file", ours, base)
        if name == "plain":
            plain_base = base
    everything = quoted(plain, bench.folder / "quoted.csv")
    (ours,) = bench.compared(lambda: bench.loader(everything))
    row("`cdr stage`, every field in quotes (ratio to DuckDB, plain file)", ours, plain_base)
    everything.unlink()
    wounded = spoilt(plain, bench.folder / "spoilt.csv")
    (ours,) = bench.compared(lambda: bench.loader(wounded, expected=(1,)))
    row("`cdr stage`, every 1000th line spoilt (ratio to DuckDB, plain file)", ours, plain_base)
    wounded.unlink()


def many_table(bench: Bench, calls: int) -> None:
    """The files of all kinds of several days against plain DuckDB, which reads a kind's files at once."""
    from loader.synth import synthesise

    days = 8
    files = sorted(synthesise(bench.folder / "days", days, calls * 2 // days, seed=2))
    base, ours = bench.compared(
        lambda: bench.script(PLAIN_DUCKDB_BY_KIND, *files), lambda: bench.loader(bench.folder / "days")
    )
    row(f"DuckDB, {len(files)} files of {days} days, {calls * 2:,} records", base, base)
    row("`cdr stage`, the same files", ours, base)
    shutil.rmtree(bench.folder / "days")


def small_table(bench: Bench, plain: Path) -> None:
    """A thousand small files against one file of the same bytes."""
    number, lines = 1000, 100
    paths = small_files(bench.folder / "small", number, lines, plain)
    whole = bench.folder / "whole.csv"
    with whole.open("w") as out:
        for at, path in enumerate(paths):
            out.write(path.read_text() if at == 0 else path.read_text().split("\n", 1)[1])
    one, many = bench.compared(lambda: bench.loader(whole), lambda: bench.loader(paths[0].parent))
    row(f"`cdr stage`, one file of {number * lines:,} records", one, one)
    row(f"`cdr stage`, the same records in {number:,} files", many, one)
    each = (many.seconds - one.seconds) / number * 1000
    print(f"\nBeyond its bytes, a small file takes {each:.1f} ms.\n", flush=True)


def others_table(bench: Bench, plain: Path) -> None:
    """Other readers, where they are installed, on the first tenth of the file, since one of them is slow."""
    tenth = bench.folder / f"tenth-of-{plain.name}"
    with plain.open("rb") as lines, tenth.open("wb") as out:
        number = sum(1 for _ in lines) // 10
        lines.seek(0)
        out.writelines(islice(lines, number + 1))
    base, ours = bench.compared(lambda: bench.script(PLAIN_DUCKDB, tenth), lambda: bench.loader(tenth))
    row(f"DuckDB, plain file of {number:,} records", base, base)
    row("`cdr stage`, the same file", ours, base)
    for name, text in OTHERS.items():
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed (the group `bench`): not measured", file=sys.stderr)
            continue
        row(f"{name.replace('_', '-')}, the same file, once", bench.script(text, tenth), base)


if __name__ == "__main__":
    # Core dumps and the like have no place in a benchmark.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
