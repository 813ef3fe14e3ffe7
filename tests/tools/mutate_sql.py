"""Change models and macros one place at a time, and count the changes that no test finds.

First the unit tests run in whose SQL the change is: dbt compiles all of them once, with every place marked.
Then, on a copy of a prepared database, the model (of a macro: the models that call it) and all that depends
on it are built and tested. What both miss is made in a copy of the project, in which the nearest tests in
tests/models run. A change that DuckDB refuses is not counted: every build would find it.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import dbt_internals
import duckdb
from changes import Change, changed, marked, sql_changes
from harness import Loader
from warehouse import Warehouse

from loader.synth import synthesise

ROOT = Path(__file__).resolve().parents[2]
_REFUSED = ("Parser Error", "Binder Error", "Catalog Error", "Compilation Error")
_FAILED = ("fail", "error", "runtime error")
# Macros without a formula: dbt's own ways, and SQL of the engine that no test here runs.
_LEFT_OUT = ("macros/dbt_overrides/", "macros/materializations/")
# By a part of the path of what is changed: tests of tests/models; the first that fits.
_NEAREST = {
    "macros/seeds/rate_card": ("test_rate_card.py",),
    "macros/seeds/": ("test_seeds.py", "test_own_seeds.py"),
    "day_history": ("test_restatements.py",),
    "by_file_daily": ("test_restatements.py",),
    "macros/incremental/": ("test_incremental.py",),
    "macros/engine/": ("test_incremental.py",),
    "tariffs/": ("test_planted.py", "test_zones.py", "test_rate_card.py"),
    "cost/": ("test_planted.py", "test_zones.py", "test_rate_card.py"),
    "signal": ("test_signals.py",),
    "feed": ("test_findings.py", "test_end_to_end.py"),
    "traffic": ("test_traffic.py",),
    "": ("test_end_to_end.py",),
}
# Those tests have rate cards of their own, and parse what is changed.
_NOT_OF_PYTEST = ("CDR_RATE_CARD", "CDR_INVOICES", dbt_internals.SHARED_PARSES)
# A changed join may give a hundred million rows: an error, like any other that a test finds.
_ENGINE: dict[str, Any] = {"threads": 1, "memory_limit": "2GiB", "temp_directory": ""}
_COPIED_NOT = shutil.ignore_patterns(".git", ".venv", "target", ".demo", "logs", "*.duckdb", ".*_cache")


@dataclass(frozen=True)
class Mutant:
    """A change of one model or macro."""

    number: int
    unique_id: str
    path: str
    text: str
    change: Change

    def __str__(self) -> str:
        return f"{self.path} {self.change.describe(self.text)}"


@dataclass(frozen=True)
class Verdict:
    """What found a change: `unit`, `data`, `pytest`, or nothing; and whether a table differs."""

    found_by: frozenset[str]
    changes_rows: bool | None
    is_refused: bool = False

    def __str__(self) -> str:
        if self.is_refused:
            return "refused"
        rows = {None: "", True: " (rows differ)", False: " (no row differs)"}[self.changes_rows]
        return (" ".join(sorted(self.found_by)) or "SURVIVES") + rows


class _RefusedError(Exception):
    """DuckDB does not run the changed SQL."""


def is_found_by_units(connection: duckdb.DuckDBPyConnection, unit_tests: list[str], mutant: Mutant) -> bool:
    """Whether a unit test finds the change; raise _RefusedError where DuckDB refuses it."""
    for sql in unit_tests:
        if f"/*<{mutant.number}*/" in sql:
            try:
                if not passes(connection, changed(sql, mutant.number, mutant.change)):
                    return True
            except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException) as error:
                raise _RefusedError from error
            except duckdb.Error:
                return True
    return False


class Trial:
    """A process's database and parsed project, and the SQL of all unit tests."""

    def __init__(self, prepared: Path, unit_tests: list[str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        self.prepared = prepared
        self.unit_tests = unit_tests
        self.loader = Loader(self.folder / "cdr.duckdb", prepared.parent)
        dbt_internals.parse_once()
        shutil.copyfile(prepared, self.loader.database)
        self.warehouse = Warehouse(self.loader, self.folder / "target")
        self.tables = contents(self.loader.database)
        self.connection = duckdb.connect(config=_ENGINE)
        self.copy = Path(shutil.copytree(ROOT, self.folder / "copy", ignore=_COPIED_NOT))

    def judge(self, mutant: Mutant, selected: list[str], *, always_data: bool) -> Verdict:
        """Run the unit tests in which the change is, then all that depends on it."""
        found = set()
        try:
            if is_found_by_units(self.connection, self.unit_tests, mutant):
                found.add("unit")
                if not always_data:
                    return Verdict(frozenset(found), None)
            self.warehouse.edit = lambda manifest: _edit(manifest, mutant)
            left_out = ("--full-refresh", "--exclude-resource-type", "unit_test")
            if self._fails("build", *left_out, "-s", *(f"{name}+" for name in selected)):
                found.add("data")
            changes_rows = contents(self.loader.database) != self.tables
            if not found and self._fails_pytest(mutant):
                found.add("pytest")
            return Verdict(frozenset(found), changes_rows)
        except _RefusedError:
            return Verdict(frozenset(), None, is_refused=True)
        finally:
            shutil.copyfile(self.prepared, self.loader.database)

    def _fails_pytest(self, mutant: Mutant) -> bool:
        """Whether the nearest tests of tests/models find the change."""
        file = self.copy / mutant.path
        text = file.read_text()
        assert text.count(mutant.text) == 1
        file.write_text(text.replace(mutant.text, mutant.change.apply(mutant.text)))
        nearest = next(tests for part, tests in _NEAREST.items() if part in mutant.path)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *(f"tests/models/{test}" for test in nearest)],
            cwd=self.copy,
            env={k: v for k, v in os.environ.items() if k not in _NOT_OF_PYTEST}
            | {"PYTHONPATH": str(self.copy)},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        file.write_text(text)
        # Otherwise no test was run.
        assert done.returncode in (0, 1), done
        return done.returncode == 1

    def _fails(self, command: str, *arguments: str) -> bool:
        """Whether a dbt command finds the change; raise _RefusedError where DuckDB refuses it."""
        done = self.warehouse.try_dbt(command, "--fail-fast", "--log-level", "none", *arguments)
        results = [] if done.result is None else done.result.results
        messages = [str(one.message) for one in results if one.status in _FAILED]
        if any(word in message for message in messages for word in _REFUSED):
            raise _RefusedError
        return bool(messages or done.exception)


def passes(connection: duckdb.DuckDBPyConnection, unit_test: str) -> bool:
    """Whether the rows of a unit test are the expected ones; the last column is which they are."""
    rows: dict[str, list[str]] = {"actual": [], "expected": []}
    for *values, kind in connection.execute(unit_test).fetchall():
        rows[kind].append(repr(values))
    return sorted(rows["actual"]) == sorted(rows["expected"])


def contents(database: Path) -> dict[str, Any]:
    """Return a hash of the rows of each table, without the build's own."""
    with duckdb.connect(database, read_only=True) as connection:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not internal"
            " and schema_name in ('staging', 'intermediate', 'marts')"
            " and not starts_with(table_name, 'build_')"
        ).fetchall()
        query = "select count(*), bit_xor(hash(t)), sum(hash(t)::hugeint) from {} as t"
        return {name: connection.execute(query.format(name)).fetchone() for (name,) in names}


def _edit(manifest: Any, mutant: Mutant) -> None:
    _set_text(manifest, mutant.unique_id, mutant.change.apply(mutant.text))


def _set_text(manifest: Any, unique_id: str, text: str) -> None:
    if unique_id in manifest.macros:
        manifest.macros[unique_id].macro_sql = text
    else:
        manifest.nodes[unique_id].raw_code = text


def record_unit_tests(warehouse: Warehouse, mutants: list[Mutant], models: list[str]) -> list[str]:
    """Run the unit tests of models once, with every place marked; return their SQL, the shortest first."""
    found: list[str] = []

    def record(event: Any) -> None:
        if event.info.name == "SQLQuery" and "actual_or_expected" in event.data.sql:
            found.append(event.data.sql)

    def mark(manifest: Any) -> None:
        for unique_id, of_unit in groupby(mutants, key=lambda mutant: mutant.unique_id):
            same = list(of_unit)
            changes = {mutant.number: mutant.change for mutant in same}
            _set_text(manifest, unique_id, marked(same[0].text, changes))

    warehouse.edit, warehouse.callbacks = mark, (record,)
    warehouse.dbt("test", "--log-level", "none", "-s", *(f"{name},test_type:unit" for name in models))
    return sorted(found, key=len)


def find_mutants(manifest: Any) -> list[Mutant]:
    """List the changes of each model, and of each macro that a model calls."""
    found: list[Mutant] = []
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    # In a fixed order: a seed draws the same changes in every process.
    for unit in [*models, *(manifest.macros[name] for name in sorted(_calls(manifest)))]:
        text = unit.macro_sql if unit.unique_id.startswith("macro.") else unit.raw_code
        path = unit.original_file_path
        if unit.package_name != "sinch_cdr" or path.startswith(_LEFT_OUT) or unit.name.startswith("spark__"):
            continue
        for change in sql_changes(text):
            found.append(Mutant(len(found), unit.unique_id, path, text, change))
    return found


def _calls(manifest: Any) -> dict[str, list[str]]:
    """Return the models that call each macro, itself or by another one."""
    callers: dict[str, list[str]] = {}
    for node in manifest.nodes.values():
        if node.resource_type != "model" or node.package_name != "sinch_cdr":
            continue
        left, seen = list(node.depends_on.macros), set()
        while left:
            name = left.pop()
            if name in seen or name not in manifest.macros:
                continue
            seen.add(name)
            left += manifest.macros[name].depends_on.macros
        for name in seen:
            callers.setdefault(name, []).append(node.name)
    return callers


def changed_models(manifest: Any, mutants: list[Mutant]) -> dict[str, list[str]]:
    """Return, by its unique id, the changed model, or the models that call the changed macro."""
    callers = _calls(manifest)
    ids = {mutant.unique_id for mutant in mutants}
    return {one: sorted(callers[one]) if one in callers else [manifest.nodes[one].name] for one in ids}


def prepare(folder: Path) -> Path:
    """Build the database on which data tests run; deliveries have what clean data lacks."""
    inbox = folder / "inbox"
    os.environ["CDR_RATE_CARD"] = str(inbox / "seeds" / "rate_card.csv")
    os.environ["CDR_INVOICES"] = str(inbox / "seeds" / "invoices.csv")
    loader = Loader(folder / "cdr.duckdb", inbox)
    if loader.database.exists():
        return loader.database
    folder.mkdir(parents=True, exist_ok=True)
    synthesise(inbox, days=35, calls_per_day=150, seed=14, warts=True, plants=True)
    # Some of the irregular files are refused.
    loader("stage", inbox, "-q", code=1)
    Warehouse(loader, folder / "target").dbt("build", "--exclude-resource-type", "unit_test")
    return loader.database


_trial: Trial | None = None


def _begin(prepared: Path, unit_tests: list[str]) -> None:
    global _trial  # one for each process
    _trial = Trial(prepared, unit_tests)


def _judge(mutant: Mutant, selected: list[str], always_data: bool) -> Verdict:
    assert _trial is not None
    return _trial.judge(mutant, selected, always_data=always_data)


def main() -> None:
    """Print a line for each change, and the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200, help="how many changes (200)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument("--skip", type=int, default=0, help="go on after so many of them (0)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--only", default="", help="part of the path of what is changed")
    parser.add_argument("--folder", type=Path, help="keep the prepared database here for the next call")
    parser.add_argument("--unit-tests", action="store_true", help="every change, by unit tests alone")
    parser.add_argument("--all-tests", action="store_true", help="data tests where unit tests found it, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        os.environ[dbt_internals.SHARED_PARSES] = name
        os.environ["TMPDIR"] = name
        prepared = prepare(options.folder or Path(name))
        warehouse = Warehouse(Loader(prepared, prepared.parent), Path(name) / "target")
        manifest = warehouse.parsed()
        mutants = find_mutants(manifest)
        drawn = [one for one in mutants if options.only in one.path]
        models = changed_models(manifest, drawn)
        unit_tests = record_unit_tests(warehouse, mutants, sorted(set(chain(*models.values()))))
        if options.unit_tests:
            _print_what_unit_tests_miss(unit_tests, drawn)
            return
        # Each model and macro counts by the number of its places.
        random.Random(options.seed).shuffle(drawn)
        drawn = drawn[options.skip :]
        verdicts: list[Verdict] = []
        # A forked process would wait for ever for the threads of dbt's parser.
        spawning = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.jobs, spawning, _begin, (prepared, unit_tests)) as pool:
            while drawn and (left := options.number - _counted(verdicts)):
                batch, drawn = drawn[:left], drawn[left:]
                # Of the callers of a macro, eight are enough.
                selected = [models[mutant.unique_id][:8] for mutant in batch]
                for mutant, verdict in zip(
                    batch, pool.map(_judge, batch, selected, [options.all_tests] * left), strict=True
                ):
                    verdicts.append(verdict)
                    print(f"{options.skip + len(verdicts)} {verdict} {mutant}", flush=True)
        _print_score(verdicts, all_tests=options.all_tests)


def _print_what_unit_tests_miss(unit_tests: list[str], mutants: list[Mutant]) -> None:
    with duckdb.connect(config=_ENGINE) as connection:
        missed = refused = 0
        for mutant in mutants:
            try:
                if not is_found_by_units(connection, unit_tests, mutant):
                    missed += 1
                    print(mutant, flush=True)
            except _RefusedError:
                refused += 1
    print(f"{missed} of {len(mutants) - refused} are found by no unit test")


def _counted(verdicts: list[Verdict]) -> int:
    return sum(not verdict.is_refused for verdict in verdicts)


def _print_score(verdicts: list[Verdict], *, all_tests: bool) -> None:
    refused = sum(verdict.is_refused for verdict in verdicts)
    verdicts = [verdict for verdict in verdicts if not verdict.is_refused]
    killed = sum(bool(verdict.found_by) for verdict in verdicts)
    by = Counter(test for verdict in verdicts for test in verdict.found_by)
    print(f"{killed} of {len(verdicts)} found ({killed / len(verdicts):.1%}), {by['unit']} by unit tests")
    print(f"{refused} refused by DuckDB, not counted")
    if all_tests:
        differing = [verdict for verdict in verdicts if verdict.changes_rows]
        alone = sum("data" in verdict.found_by for verdict in differing)
        print(f"of {len(differing)} that change rows, data tests alone find {alone}")


if __name__ == "__main__":
    main()
