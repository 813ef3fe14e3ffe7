"""Change the loader one place at a time, and count the changes that no test finds.

First the tests of the loader run once, and each keeps the lines that it executes. Then each change is made in
a copy of the project, and the tests that execute its line run, those that execute the fewest lines first.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from changes import Change, python_changes
from coverage import Coverage

ROOT = Path(__file__).resolve().parents[2]
# Synthetic deliveries are what tests are made of.
_LEFT_OUT = ("loader/synth/", "loader/operations/team_project/")
_COPIED_NOT = shutil.ignore_patterns(".git", ".venv", "target", ".demo", "logs", "*.duckdb", "__pycache__")
_SECONDS = 300
# The tests that execute each line, by module.
Tests = dict[str, dict[int, list[str]]]


@dataclass(frozen=True)
class Mutant:
    """A change of one module."""

    path: str
    line: int
    change: Change


def find_mutants(only: str) -> list[Mutant]:
    """List the changes of the loader's modules."""
    found = []
    for file in sorted((ROOT / "loader").rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        if path.startswith(_LEFT_OUT) or only not in path:
            continue
        text = file.read_text()
        for change in python_changes(text):
            found.append(Mutant(path, text.count("\n", 0, change.start) + 1, change))
    return found


def executed_lines(folder: Path, tests: str, jobs: int) -> Tests:
    """Run tests; return those that execute each line of each module."""
    environment = os.environ | {"CDR_TESTS_EXECUTED_LINES": str(folder / "lines")}
    command = [*_pytest(), "-n", str(jobs), "-p", "executed_lines", tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if done.returncode:
        sys.exit("mutate_python: the tests fail without a change; mend them first")
    measured = Coverage(str(folder / "lines"), messages=False)
    measured.combine()
    data = measured.get_data()
    return {
        Path(file).relative_to(ROOT).as_posix(): data.contexts_by_lineno(file)
        for file in data.measured_files()
    }


def nearest(mutant: Mutant, tests: Tests, sizes: Counter[str], most: int) -> list[str]:
    """Return the tests that execute the changed line, those that execute the fewest lines first."""
    found = {test for test in tests.get(mutant.path, {}).get(mutant.line, []) if test}
    return sorted(found, key=lambda test: (sizes[test], test))[:most]


def is_found(mutant: Mutant, tests: list[str], tree: Path) -> bool:
    """Run tests on a changed copy; a test that does not end has found the change."""
    file = tree / mutant.path
    text = file.read_text()
    file.write_text(mutant.change.apply(text))
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*_pytest(), "-x", "-p", "no:cacheprovider", *tests],
            cwd=tree,
            env=environment,
            timeout=_SECONDS,
            capture_output=True,
            check=False,
        )
        return done.returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        file.write_text(text)


def _pytest() -> list[str]:
    return [sys.executable, "-m", "pytest", "-q", "--no-header"]


def main() -> None:
    """Print a line for each survivor, and the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200, help="how many changes (200)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--most", type=int, default=25, help="how many tests for a change (25)")
    parser.add_argument("--only", default="", help="part of the path of what is changed")
    parser.add_argument("--tests", default="tests/loader", help="the tests (tests/loader)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        (folder / "lines").mkdir()
        tests = executed_lines(folder / "lines", options.tests, options.jobs)
        sizes = Counter(test for lines in tests.values() for line in lines.values() for test in line)
        drawn = find_mutants(options.only)
        random.Random(options.seed).shuffle(drawn)
        drawn = drawn[: options.number]
        trees: SimpleQueue[Path] = SimpleQueue()
        for job in range(options.jobs):
            shutil.copytree(ROOT, folder / str(job), ignore=_COPIED_NOT)
            trees.put(folder / str(job))

        def judge(mutant: Mutant) -> bool:
            chosen = nearest(mutant, tests, sizes, options.most)
            tree = trees.get()
            try:
                return bool(chosen) and is_found(mutant, chosen, tree)
            finally:
                trees.put(tree)

        killed = 0
        with ThreadPoolExecutor(options.jobs) as pool:
            for mutant, found in zip(drawn, pool.map(judge, drawn), strict=True):
                killed += found
                if not found:
                    text = (ROOT / mutant.path).read_text()
                    print(f"{mutant.path} {mutant.change.describe(text)}", flush=True)
    print(f"{killed} of {len(drawn)} found ({killed / len(drawn):.1%})")


if __name__ == "__main__":
    main()
