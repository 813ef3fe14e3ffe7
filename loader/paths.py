"""Paths of the project and its database, from whichever folder the command runs."""

import os
import re
from pathlib import Path

from loader.errors import CdrError

PROJECT_FILE = "dbt_project.yml"
# A project built on this one names it there; this one has none.
PACKAGES_FILE = "packages.yml"
PROJECT_NAME = "sinch_cdr"
# In a file of such a name `marts.fact_calls` is ambiguous to clients, which name the database after its file.
SCHEMAS = ("raw_sinch", "reference", "staging", "intermediate", "marts")
# The project inside an installed wheel; in a clone it is next to the package.
_PACKAGED = Path(__file__).resolve().parent / "project"


def project_root() -> Path:
    """Return the folder with dbt_project.yml, the first of these: CDR_PROJECT_DIR; the current folder or one
    above it with a project built on this one (`cdr init`); next to this package (a clone); the current folder
    or one above it with this project; the installed package's own.

    Raises CdrError when there is none.
    """
    if configured := os.environ.get("CDR_PROJECT_DIR"):
        folder = Path(configured).resolve()
        if not (folder / PROJECT_FILE).is_file():
            raise CdrError(f"no {PROJECT_FILE} in {folder}, which CDR_PROJECT_DIR names; correct or unset it")
        return folder
    here = Path.cwd()
    beside = Path(__file__).resolve().parent.parent
    around = (here, *here.parents)
    for folder in (*(one for one in around if (one / PACKAGES_FILE).is_file()), beside, *around):
        if _is_project(folder):
            return folder
    if _is_project(_PACKAGED):
        return _PACKAGED
    raise CdrError(
        f"no {PROJECT_FILE} of this project beside the loader package, in {here} or above it; "
        "run inside the project or set CDR_PROJECT_DIR to its folder"
    )


def package_project() -> Path:
    """Return the project that this package ships, whichever project is in use."""
    beside = Path(__file__).resolve().parent.parent
    return beside if _is_project(beside) else _PACKAGED


def is_packaged(root: Path) -> bool:
    """Whether the project is inside the installed package, where nothing may be written."""
    return root == _PACKAGED


def _is_project(folder: Path) -> bool:
    path = folder / PROJECT_FILE
    return path.is_file() and PROJECT_NAME in path.read_text(encoding="utf-8", errors="replace")


def database_path(option: str | None) -> Path:
    """Return the absolute path of the database: `--database` is relative to the current folder; CDR_DATABASE
    and the default to the project root, of an installed package to the current folder.

    Raises CdrError for a database that is not a file, but in memory or remote.
    """
    if option is not None:
        return Path(_file_name(option)).absolute()
    configured = Path(_file_name(os.environ.get("CDR_DATABASE") or "cdr.duckdb"))
    if configured.is_absolute():
        return configured
    root = project_root()
    return (Path.cwd() if is_packaged(root) else root) / configured


def _file_name(name: str) -> str:
    """Return a name that DuckDB treats as a file, unlike `:memory:` and `md:calls`."""
    if re.match("[A-Za-z][A-Za-z0-9+.-]*:|:", name):
        raise CdrError(f"{name} is not a file, and the database must be one; a file of that name is ./{name}")
    return name


def check_new_name(file: Path) -> None:
    """Raise CdrError for a database that does not exist yet and has the name of a schema."""
    name = file.name.partition(".")[0].lower()
    if name in SCHEMAS and not file.exists():
        raise CdrError(
            f"a database named {file.name} makes {name}.… ambiguous in clients, since it holds a schema of "
            f"that name; name it otherwise, for example {file.with_name(f'calls{file.suffix}')}"
        )


def dbt_folder(database: Path) -> Path:
    """Return the folder for dbt's target/ and logs/ when the project is inside the installed package."""
    return database.with_name(f".{database.name}.dbt")


def put_in_place(new: Path, out: Path) -> None:
    """Move a finished file to `out`, or to where that links, with the mode of the file that it replaces.
    Both are on one disk.
    """
    place = out.resolve()
    keep_mode(new, place)
    new.replace(place)


def keep_mode(new: Path, replaced: Path) -> None:
    """Set the mode of a file or folder to that of the one that it replaces, if there is one."""
    if replaced.exists():
        new.chmod(replaced.stat().st_mode & 0o777)
