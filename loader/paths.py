"""Where the project and its database are, wherever the command is run from."""

import os
from pathlib import Path

from loader.errors import CdrError

PROJECT_FILE = "dbt_project.yml"


def project_root() -> Path:
    """The folder with dbt_project.yml: beside this package, above the current folder, or CDR_PROJECT_DIR.

    Raises CdrError when there is none.
    """
    package_parent = Path(__file__).resolve().parent.parent
    here = Path.cwd()
    candidates = [package_parent, here, *here.parents]
    if configured := os.environ.get("CDR_PROJECT_DIR"):
        candidates.append(Path(configured).resolve())
    for folder in candidates:
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise CdrError(
        f"no {PROJECT_FILE} beside the loader package, in {here} or above it; "
        "run inside the project or set CDR_PROJECT_DIR to its folder"
    )


def database_path(option: str | None) -> Path:
    """The database file, absolute: `--database` (from the current folder), CDR_DATABASE or the default (from
    the project root).
    """
    if option is not None:
        return Path(option).absolute()
    configured = Path(os.environ.get("CDR_DATABASE") or "cdr.duckdb")
    return configured if configured.is_absolute() else project_root() / configured


def staging_folder(database: Path) -> Path:
    """Private folder for unpacked files, on the database's own disk; emptied whenever the database is opened
    for staging.
    """
    return database.with_name(f".{database.name}.staging")
