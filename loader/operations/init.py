"""A team's own dbt project on top of the installed one: their seeds, settings, marts and CI."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from loader.errors import CdrError
from loader.paths import package_project

_TEMPLATE = Path(__file__).resolve().parent / "team_project"
# Seeds that a team keeps; upgrades of the package replace the others.
OWN_SEEDS = ("applications", "fx_rates", "invoices", "rate_card", "signal_rules", "signal_exclusions")
# The requirement that installs this version; its dependencies, pinned and hashed, are in LOCK.
ORIGIN = "cdr-tables.txt"
LOCK = "requirements.txt"
# Names that files of a package cannot have.
_RENAMED = {"gitignore": ".gitignore", "workflows/ci.yml": ".github/workflows/ci.yml"}


@dataclass(frozen=True)
class Initialised:
    """The new project's folder, its files, and the folder of its package."""

    folder: Path
    files: list[Path]
    package: Path


def init(folder: Path) -> Initialised:
    """Write the project into a new or empty folder.

    Raises CdrError when the folder is not empty or cannot be written.
    """
    package = package_project()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CdrError(f"{folder} is not empty; name a new or empty folder")
    try:
        return Initialised(folder, sorted(_written(folder, package)), package)
    except OSError as error:
        raise CdrError(f"cannot write into {folder} ({error.strerror}); name another folder") from error


def _written(folder: Path, package: Path) -> list[Path]:
    seeds = [name for name in OWN_SEEDS if (package / "seeds" / f"{name}.csv").exists()]
    written = []
    for source in sorted(path for path in _TEMPLATE.rglob("*") if path.is_file()):
        name = source.relative_to(_TEMPLATE).as_posix()
        target = folder / _RENAMED.get(name, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        # The team's own seeds, of the same names, replace these of the package.
        disabled = "\n".join(f"    {seed}:\n      +enabled: false" for seed in seeds)
        text = text.replace("@@SEEDS@@", disabled).replace("@@TYPES@@", _own_types(package, seeds))
        target.write_text(text, encoding="utf-8")
        written.append(target)
    (folder / "seeds").mkdir(parents=True, exist_ok=True)
    (folder / "profiles").mkdir(parents=True, exist_ok=True)
    copies = [(package / "seeds" / f"{seed}.csv", folder / "seeds" / f"{seed}.csv") for seed in seeds]
    copies.append((package / "profiles" / "profiles.yml", folder / "profiles" / "profiles.yml"))
    copies.append((package / LOCK, folder / LOCK))
    for source, target in copies:
        shutil.copyfile(source, target)
        written.append(target)
    origin = folder / ORIGIN
    origin.write_text(f"{installed_from()}\n", encoding="utf-8")
    return [*written, origin]


def installed_from() -> str:
    """Return the requirement that installs this version: a wheel with its hash, a commit or a folder as pip
    recorded it (PEP 610), otherwise the version.
    """
    package = distribution("cdr-tables")
    recorded = json.loads(package.read_text("direct_url.json") or "{}")
    url = recorded.get("url")
    if url is None:
        return f"cdr-tables=={package.version}"
    if commit := recorded.get("vcs_info", {}).get("commit_id"):
        return f"cdr-tables @ {recorded['vcs_info']['vcs']}+{url}@{commit}"
    digest = recorded.get("archive_info", {}).get("hashes", {}).get("sha256")
    wheel = Path(url2pathname(urlsplit(url).path))
    # uv records no hash of the file that it installs.
    if digest is None and wheel.is_file():
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"cdr-tables @ {url}" + (f" --hash=sha256:{digest}" if digest else "")


def _own_types(package: Path, seeds: list[str]) -> str:
    """The types of the seeds, as lines of dbt_project.yml; their descriptions and tests are the package's."""
    import yaml  # type: ignore[import-untyped]

    document = yaml.safe_load((package / "seeds" / "_seeds.yml").read_text(encoding="utf-8"))
    lines = []
    for seed in document["seeds"]:
        types = seed.get("config", {}).get("column_types", {})
        if seed["name"] in seeds and types:
            lines += [f"    {seed['name']}:", "      +column_types:"]
            lines += [f'        {column}: "{kind}"' for column, kind in types.items()]
    return "\n".join(lines)
