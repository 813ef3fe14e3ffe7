"""Lint the SQL files that changed since they were last found clean; in a fresh clone, as in CI, all of them.

The settings, sqlfluff's version and every macro that a file may use count as changes, too. sqlfluff renders
macros to nothing, so `_lint_macros` checks their text.
"""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from configparser import ConfigParser
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLEAN = ROOT / "target" / "lint" / "clean.json"
_WORDS = r"\b(?:select|insert into|delete from|union all|from|where) "
GLUED = re.compile(rf"{_WORDS}[^\n]*~\s*\n|\n\s*~ [^\n]*{_WORDS}")


def main(folders: list[str]) -> int:
    """Lint, print the findings and remember which files are clean; exit code 1 with findings."""
    known = set(json.loads(CLEAN.read_text())) if CLEAN.exists() else set()
    rules = _rules()
    ignored = [ROOT / line for line in (ROOT / ".sqlfluffignore").read_text().split()]
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.sql"))]
    keys = {
        path: _key(path, rules)
        for path in paths
        if not any(path.is_relative_to(folder) for folder in ignored)
    }
    macros = [path for path in keys if path.is_relative_to(ROOT / "macros")]
    due = [path for path, key in keys.items() if key not in known and path not in macros]
    wrong = _lint_macros(macros) | (_lint(due) if due else set())
    CLEAN.parent.mkdir(parents=True, exist_ok=True)
    CLEAN.write_text(json.dumps(sorted(key for path, key in keys.items() if path not in wrong), indent=0))
    print(f"{len(due)} of {len(keys)} SQL files linted, {len(wrong)} with findings")
    return int(bool(wrong))


def _rules() -> str:
    """Everything that every file is linted with, as one hash."""
    digest = hashlib.sha256(version("sqlfluff").encode())
    helpers = [*(ROOT / "macros").rglob("*.*"), *(ROOT / ".ci" / "dbt_names").rglob("*.*")]
    for path in [ROOT / ".sqlfluff", *sorted(helpers)]:
        if path.suffix != ".pyc" and path.is_file():
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _key(path: Path, rules: str) -> str:
    text = f"{rules}\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes()
    return hashlib.sha256(text).hexdigest()


def _lint(paths: list[Path]) -> set[Path]:
    """Print the findings and return the files that have them."""
    names = [str(path.relative_to(ROOT)) for path in paths]
    command = [sys.executable, "-m", "sqlfluff", "lint", "--format", "json", "--disable-progress-bar", *names]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"sqlfluff ended with {done.returncode}")
    files = [file for file in json.loads(done.stdout) if file["violations"]]
    for file in files:
        for found in file["violations"]:
            place = f"{file['filepath']}:{found['start_line_no']}:{found['start_line_pos']}"
            print(f"{place}: {found['code']} {found['description']} [{found['name']}]")
    return {ROOT / file["filepath"] for file in files}


def _lint_macros(paths: Iterable[Path]) -> set[Path]:
    """Print lines that are too long, tabs, blanks at an end, and SQL joined by `~` over lines, which reads
    better in a `set` block; return the files that have some.
    """
    settings = ConfigParser()
    settings.read(ROOT / ".sqlfluff")
    longest = settings.getint("sqlfluff", "max_line_length")
    wrong = set()
    for path in paths:
        text = path.read_text(encoding="utf-8")
        found = [
            (text.count("\n", 0, glued.start()) + 1, "SQL joined by ~ over lines")
            for glued in GLUED.finditer(text)
        ]
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > longest:
                found.append((number, f"{len(line)} characters"))
            if "\t" in line or line != line.rstrip():
                found.append((number, "a tab, or blanks at the end"))
        for number, what in found:
            print(f"{path.relative_to(ROOT)}:{number}: {what} [macros]")
            wrong.add(path)
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
