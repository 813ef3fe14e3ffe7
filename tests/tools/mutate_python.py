"""Change the loader one place at a time, and count the changes that no test finds.

First the tests of the loader run once, and each keeps the lines that it executes and its seconds
(`target/executed_lines`). Then each change is made in a copy of the project, and the tests that execute its
line run, the fastest first, until one fails. `--first` and `--reuse` go on where another run has stopped.
"""

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue

import pytest
from changes import Change, python_changes
from coverage import Coverage

ROOT = Path(__file__).resolve().parents[2]
# Synthetic deliveries are what tests are made of.
_LEFT_OUT = ("loader/synth/", "loader/operations/team_project/")
_COPIED_NOT = shutil.ignore_patterns(".git", ".venv", "target", ".demo", "logs", "*.duckdb")
_MAP = ROOT / "target" / "executed_lines"
# Children begin with what every test imports; the loader is not among it.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["hypothesis", "jsonschema", "duckdb", "click.testing", "dbt.cli.main", "obstore", "moto.server"]
)


@dataclass(frozen=True)
class Mutant:
    """A change of one module, within a statement on these lines, which may be executed at import."""

    path: str
    lines: range
    is_imported: bool
    change: Change


def find_mutants(only: str) -> list[Mutant]:
    """List the changes of the loader's modules."""
    found = []
    for file in sorted((ROOT / "loader").rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        if path.startswith(_LEFT_OUT) or only not in path:
            continue
        text = file.read_text()
        statements = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)]
        for change in python_changes(text):
            line = text.count("\n", 0, change.start) + 1
            around = [node for node in statements if node.lineno <= line <= (node.end_lineno or 0)]
            is_imported = not any(isinstance(node, ast.FunctionDef) for node in around)
            found.append(Mutant(path, _lines(around), is_imported, change))
    return found


def _lines(around: list[ast.stmt]) -> range:
    """Return the lines of the innermost statement, without its body."""
    inner = max(around, key=lambda node: node.lineno)
    body = getattr(inner, "body", None)
    end = body[0].lineno if body else (inner.end_lineno or 0) + 1
    return range(inner.lineno, max(end, inner.lineno + 1))


def run_for_lines(tests: list[str], jobs: int) -> None:
    """Run tests, and keep the lines that each executes and its seconds."""
    shutil.rmtree(_MAP, ignore_errors=True)
    environment = os.environ | {"CDR_TESTS_EXECUTED_LINES": str(_MAP / "lines")}
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(jobs), "-p", "executed_lines", *tests]
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        sys.exit("mutate_python: the tests fail without a change; mend them first")


class Map:
    """The tests that execute each line, and the seconds of each test."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.starting: set[str] = set()
        self.built: set[str] = set()
        for file in _MAP.glob("*.json"):
            found = json.loads(file.read_text())
            self.seconds |= found["seconds"]
            self.starting |= set(found["starting"])
            self.built |= set(found["built"])
        measured = Coverage(str(_MAP / "lines"), messages=False)
        measured.combine(keep=True)
        data = measured.get_data()
        self.lines = {
            Path(file).relative_to(ROOT).as_posix(): data.contexts_by_lineno(file)
            for file in data.measured_files()
        }

    def of(self, mutant: Mutant) -> set[str]:
        """Return the tests that execute the statement, those of its module where it is executed at import, or
        those that start processes where there is none.
        """
        module = self.lines.get(mutant.path, {})
        lines = module if mutant.is_imported else mutant.lines
        return {test for line in lines for test in module.get(line, ()) if test} or self.starting

    def nearest(self, mutant: Mutant, most: float) -> list[str]:
        """Return the fastest tests, one at least, that take so many seconds together."""
        chosen: list[str] = []
        for test in sorted(self.of(mutant), key=lambda test: (self.seconds[test], test)):
            most -= self.seconds[test]
            if most < 0 and chosen:
                break
            chosen.append(test)
        return chosen


def is_found(mutant: Mutant, tests: list[str], tree: Path, most: float) -> bool:
    """Run tests on a changed copy; a test that does not end has found the change."""
    file = tree / mutant.path
    file.write_text(mutant.change.apply(file.read_text()))
    passed = are_passed(tests, tree, most)
    # Its time belongs to its bytecode.
    shutil.copy2(ROOT / mutant.path, file)
    for folder in tree.with_suffix(".once").glob("once_*"):
        # Only the first is of the loader without a change.
        if folder.name not in ("once_built", "once_built.lock"):
            shutil.rmtree(folder, ignore_errors=True)
    return not passed


def are_passed(tests: list[str], tree: Path, most: float) -> bool:
    """Run tests on a copy for so many seconds at most."""
    child = _CONTEXT.Process(target=_run, args=(tree, tests))
    child.start()
    child.join(most)
    if child.is_alive():
        print(f"{tree} does not end within {most:.0f} s", flush=True)
    child.kill()
    child.join()
    if child.exitcode == pytest.ExitCode.NO_TESTS_COLLECTED:
        sys.exit(f"mutate_python: {(tree / 'mutant.log').read_text()}")
    return child.exitcode == 0


def _run(tree: Path, tests: list[str]) -> None:
    os.chdir(tree)
    # What dbt has parsed, and the database that most tests begin with, are the same for all changes.
    folders = {
        "CDR_TESTS_SHARED_PARSES": tree.with_suffix(".parses"),
        "CDR_TESTS_ONCE": tree.with_suffix(".once"),
    }
    for name, folder in folders.items():
        folder.mkdir(exist_ok=True)
        os.environ[name] = str(folder)
    os.environ["PYTHONPATH"] = str(tree)
    # Bytecode of a changed module would be taken for that of the next change within the same second.
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    with (tree / "mutant.log").open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    temporary = f"--basetemp={tree.with_suffix('.tmp')}"
    sys.exit(pytest.main(["-q", "-x", "--no-header", "-p", "no:cacheprovider", temporary, *tests]))


def main() -> None:
    """Print a line for each survivor, and the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200, help="how many changes (200)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument("--first", type=int, default=0, help="how many of them to pass over (0)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--seconds", type=float, default=60, help="how long the tests of a change take (60)")
    parser.add_argument("--only", default="", help="part of the path of what is changed")
    parser.add_argument("--tests", nargs="+", default=["tests/loader"], help="the tests (tests/loader)")
    parser.add_argument("--reuse", action="store_true", help="the lines of the run before")
    options = parser.parse_args()
    if not options.reuse:
        run_for_lines(options.tests, options.jobs)
    tests = Map()
    drawn = find_mutants(options.only)
    random.Random(options.seed).shuffle(drawn)
    drawn = drawn[options.first : options.number]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for job in range(options.jobs):
            tree = Path(shutil.copytree(ROOT, Path(folder, str(job)), ignore=_COPIED_NOT))
            first = sorted(tests.built, key=tests.seconds.__getitem__)[:1]
            if first and not are_passed(first, tree, 600):
                sys.exit(f"mutate_python: without a change: {(tree / 'mutant.log').read_text()}")
            trees.put(tree)

        def judge(mutant: Mutant) -> bool:
            chosen = tests.nearest(mutant, options.seconds)
            tree = trees.get()
            try:
                # A busy machine is no reason to call a change found.
                return bool(chosen) and is_found(mutant, chosen, tree, 60 + 5 * options.seconds)
            finally:
                trees.put(tree)

        killed = 0
        with ThreadPoolExecutor(options.jobs) as pool:
            for number, (mutant, found) in enumerate(zip(drawn, pool.map(judge, drawn), strict=True), 1):
                killed += found
                if not found:
                    text = (ROOT / mutant.path).read_text()
                    print(f"{mutant.path} {mutant.change.describe(text)}", flush=True)
                if not number % 10 or number == len(drawn):
                    print(f"{killed} of {number} found ({killed / number:.1%})", flush=True)


if __name__ == "__main__":
    main()
