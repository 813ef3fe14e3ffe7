"""Checks that a version can be released; prints what is wrong and exits 1."""

import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


def problems(version: str) -> list[str]:
    """Reasons against releasing the version."""
    found = []
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    models = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["version"]
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        found.append(f"VERSION is {version!r}; name one such as 1.2.3")
    for place, number in (("pyproject.toml", package), ("dbt_project.yml", models)):
        if number != version:
            found.append(f"{place} has {number}, not {version}")
    changelog = (ROOT / "CHANGELOG.md").read_text()
    if not re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d{{2}}-\d{{2}}\)$", changelog, re.MULTILINE):
        found.append(f"CHANGELOG.md has no heading `## {version} (YYYY-MM-DD)`")
    if not (ROOT / "tests" / "loader" / "databases" / f"{version}.duckdb.zst").exists():
        found.append(f"tests/loader/databases has none of {version}; write it: make release-database")
    return found


if __name__ == "__main__":
    wrong = problems(sys.argv[1] if len(sys.argv) > 1 else "")
    print("\n".join(wrong) or "ready to release")
    sys.exit(1 if wrong else 0)
