"""Change models and macros one place at a time, and count the changes that no test finds.

Each change is made in dbt's parsed project, not in files. First the unit tests of the changed model run (of a
macro: of the models that call it); then, on a copy of a prepared database, the model and all that depends on
it are built and tested. A change that DuckDB refuses is not counted: every build would find it.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from changes import Change, sql_changes
from harness import Loader
from warehouse import Warehouse

from loader.synth import synthesise

_REFUSED = ("Parser Error", "Binder Error", "Catalog Error", "Compilation Error")
_FAILED = ("fail", "error", "runtime error")
# Macros without a formula: dbt's own ways, and SQL of the engine that no test here runs.
_LEFT_OUT = ("macros/dbt_overrides/", "macros/materializations/")


@dataclass(frozen=True)
class Mutant:
    """A change of one model or macro."""

    unique_id: str
    path: str
    change: Change


@dataclass(frozen=True)
class Verdict:
    """What found a change: `unit`, `data`, both, or nothing; and whether a table differs."""

    found_by: frozenset[str]
    changes_rows: bool | None
    is_refused: bool = False


class _RefusedError(Exception):
    """DuckDB does not run the changed SQL."""


class Trial:
    """A process's database and parsed project."""

    def __init__(self, prepared: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        self.prepared = prepared
        self.loader = Loader(self.folder / "cdr.duckdb", prepared.parent)
        shutil.copyfile(prepared, self.loader.database)
        self.warehouse = Warehouse(self.loader, self.folder / "target")
        self.tables = contents(self.loader.database)

    def judge(self, mutant: Mutant, selected: list[str], *, always_data: bool) -> Verdict:
        """Run the nearest tests, then all that depends on the change."""
        self.warehouse.edit = lambda manifest: _edit(manifest, mutant)
        found = set()
        try:
            if self._fails("test", "-s", *(f"{name},test_type:unit" for name in selected)):
                found.add("unit")
                if not always_data:
                    return Verdict(frozenset(found), None)
            left_out = ("--full-refresh", "--exclude-resource-type", "unit_test")
            if self._fails("build", *left_out, "-s", *(f"{name}+" for name in selected)):
                found.add("data")
            return Verdict(frozenset(found), contents(self.loader.database) != self.tables)
        except _RefusedError:
            return Verdict(frozenset(), None, is_refused=True)
        finally:
            self._restore()

    def _fails(self, command: str, *arguments: str) -> bool:
        """Whether a dbt command finds the change; raise _RefusedError where DuckDB refuses it."""
        done = self.warehouse.try_dbt(command, "--log-level", "none", *arguments)
        results = [] if done.result is None else done.result.results
        messages = [str(one.message) for one in results if one.status in _FAILED]
        if any(word in message for message in messages for word in _REFUSED):
            raise _RefusedError
        return bool(messages or done.exception)

    def _restore(self) -> None:
        shutil.copyfile(self.prepared, self.loader.database)


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
    if mutant.unique_id.startswith("macro."):
        macro = manifest.macros[mutant.unique_id]
        macro.macro_sql = mutant.change.apply(macro.macro_sql)
    else:
        node = manifest.nodes[mutant.unique_id]
        node.raw_code = mutant.change.apply(node.raw_code)


def find_mutants(manifest: Any) -> dict[str, list[Mutant]]:
    """List the changes of each model, and of each macro that a model calls."""
    found = {}
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    # In a fixed order: a seed draws the same changes in every process.
    called = sorted(_calls(manifest))
    for unit in [*models, *(manifest.macros[name] for name in called)]:
        text = unit.macro_sql if unit.unique_id.startswith("macro.") else unit.raw_code
        path = unit.original_file_path
        if unit.package_name != "sinch_cdr" or path.startswith(_LEFT_OUT) or unit.name.startswith("spark__"):
            continue
        found[unit.unique_id] = [Mutant(unit.unique_id, path, one) for one in sql_changes(text)]
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


def selected_models(manifest: Any, mutant: Mutant) -> list[str]:
    """Return the changed model, or the models that call the changed macro: at most the first eight."""
    if not mutant.unique_id.startswith("macro."):
        return [manifest.nodes[mutant.unique_id].name]
    return sorted(_calls(manifest)[mutant.unique_id])[:8]


def prepare(folder: Path) -> Path:
    """Build the database on which data tests run; deliveries have what clean data lacks."""
    inbox = folder / "inbox"
    synthesise(inbox, days=35, calls_per_day=150, seed=14, warts=True, plants=True)
    os.environ["CDR_RATE_CARD"] = str(inbox / "seeds" / "rate_card.csv")
    os.environ["CDR_INVOICES"] = str(inbox / "seeds" / "invoices.csv")
    loader = Loader(folder / "cdr.duckdb", inbox)
    # Some of the irregular files are refused.
    loader("stage", inbox, "-q", code=1)
    Warehouse(loader, folder / "target").dbt("build", "--exclude-resource-type", "unit_test")
    return loader.database


_trial: Trial | None = None


def _begin(prepared: Path) -> None:
    global _trial  # one for each process
    _trial = Trial(prepared)


def _judge(mutant: Mutant, selected: list[str], always_data: bool) -> Verdict:
    assert _trial is not None
    return _trial.judge(mutant, selected, always_data=always_data)


def main() -> None:
    """Print a line for each survivor, and the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200, help="how many changes (200)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--only", default="", help="part of the path of what is changed")
    parser.add_argument("--all-tests", action="store_true", help="data tests where unit tests found it, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        prepared = prepare(Path(name))
        warehouse = Warehouse(Loader(prepared, prepared.parent), Path(name) / "target")
        manifest = warehouse.parsed()
        units = {k: v for k, v in find_mutants(manifest).items() if v and options.only in v[0].path}
        draw = random.Random(options.seed)
        # Each model and macro counts by the number of its places.
        drawn = [mutant for mutants in units.values() for mutant in mutants]
        draw.shuffle(drawn)
        verdicts: list[tuple[Mutant, Verdict]] = []
        refused = 0
        # A forked process would wait for ever for the threads of dbt's parser.
        spawning = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.jobs, spawning, _begin, (prepared,)) as pool:
            position = 0
            while len(verdicts) < options.number and position < len(drawn):
                batch = drawn[position : position + options.number - len(verdicts)]
                position += len(batch)
                selected = [selected_models(manifest, mutant) for mutant in batch]
                every = [options.all_tests] * len(batch)
                for mutant, verdict in zip(batch, pool.map(_judge, batch, selected, every), strict=True):
                    if verdict.is_refused:
                        refused += 1
                        continue
                    verdicts.append((mutant, verdict))
                    if not verdict.found_by:
                        unit = manifest.macros.get(mutant.unique_id)
                        text = unit.macro_sql if unit else manifest.nodes[mutant.unique_id].raw_code
                        rows = "rows differ" if verdict.changes_rows else "no row differs"
                        print(f"{mutant.path} {mutant.change.describe(text)} ({rows})", flush=True)
        _print_score([verdict for _, verdict in verdicts], refused, all_tests=options.all_tests)


def _print_score(verdicts: list[Verdict], refused: int, *, all_tests: bool) -> None:
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
