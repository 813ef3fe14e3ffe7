"""Checks the requirements*.txt locks without a network; prints what is wrong and exits 1.

Every line is a pinned package with hashes (no addresses, options or local files), the locks agree with
each other, and each lock satisfies what pyproject.toml asks of its group.
"""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
GROUPS = {"requirements.txt": None, "requirements-dev.txt": "dev"} | {
    f"requirements-{group}.txt": group for group in ("spark", "bench", "cloud", "report", "metrics")
}
NEXT = "requirements-dbt-next.txt"
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[a-z0-9,_-]+\])?==(?P<version>[^\s;]+)(?: ; [^\\]+?)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def read(path: Path, problems: list[str]) -> dict[str, set[str]]:
    """The versions a lock pins, by package; two where they differ by Python version."""
    pins: dict[str, set[str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if pin := PIN.fullmatch(line):
            pins.setdefault(canonicalize_name(pin["name"]), set()).add(pin["version"])
        elif "://" in line or not (line.startswith("#") or HASH.fullmatch(line)):
            problems.append(f"{path.name}:{number}: not a pinned package or its hash: {line.strip()}")
    return pins


def unsatisfied(wanted: Requirement, pins: dict[str, set[str]], lock: str, problems: list[str]) -> None:
    """Adds a problem when the lock does not pin what is wanted."""
    versions = pins.get(canonicalize_name(wanted.name), set())
    if not versions or not all(wanted.specifier.contains(version) for version in versions):
        problems.append(f"{lock}: {wanted} is not satisfied by {sorted(versions)}; run `make lock`")


def main() -> int:
    """Runs the checks; the exit code."""
    problems: list[str] = []
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, build = pyproject["project"], pyproject["dependency-groups"]["build"]
    extras = project["optional-dependencies"]
    for group in sorted(set(extras) - set(GROUPS.values())):
        problems.append(f"pyproject.toml: optional group {group} has no lock; add one to `make lock`")
    locks = {name: read(ROOT / name, problems) for name in GROUPS}
    reference: dict[str, set[str]] = {}
    for name, pins in locks.items():
        for package, versions in pins.items():
            if reference.setdefault(package, versions) != versions:
                problems.append(f"{name}: {package} differs from the other locks; run `make lock`")
        for text in project["dependencies"] + build + extras.get(GROUPS[name], []):
            unsatisfied(Requirement(text), pins, name, problems)
    following = read(ROOT / NEXT, problems)  # another dbt: agrees with none, either
    for text in project["dependencies"] + build + extras["dev"] + extras["cloud"] + extras["report"]:
        unsatisfied(Requirement(text), following, NEXT, problems)
    if following.get("dbt-core", set()) <= locks["requirements.txt"].get("dbt-core", set()):
        problems.append(f"{NEXT}: dbt-core is that of requirements.txt; run `make lock UPGRADE=--upgrade`")
    client = read(ROOT / "requirements-client.txt", problems)  # an environment of its own: agrees with none
    for text in pyproject["dependency-groups"]["client"]:
        unsatisfied(Requirement(text), client, "requirements-client.txt", problems)
    print("\n".join(problems) if problems else f"{len(locks) + 2} locks: pinned, hashed and up to date")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
