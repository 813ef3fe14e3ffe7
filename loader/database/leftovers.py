"""What a killed command leaves beside the database: spilled rows, unpacked deliveries, a half-made copy,
files on their way to object storage.
"""

import shutil
from glob import escape
from pathlib import Path

from loader.paths import staging_folder


def spill_folder(database: Path) -> Path:
    """Where the profile puts what does not fit into memory while building, unless CDR_TEMP_DIRECTORY says
    otherwise.
    """
    return database.with_name(f"{database.name}.tmp")


def rewrite_copy(database: Path) -> Path:
    """The copy that is written before it takes the database's place."""
    target = database.resolve()
    return target.with_name(f".{target.name}.rewrite")


def rewrite_spill(database: Path) -> Path:
    """What does not fit into memory while that copy is written."""
    copy = rewrite_copy(database)
    return copy.with_name(f"{copy.name}.tmp")


def exporting_prefix(database: Path) -> str:
    """How the names of the folders begin in which files are made that go to object storage."""
    return f".{database.name}.export-"


def find_leftovers(database: Path) -> list[Path]:
    """What lies there; while another command works on the database it may be that command's."""
    copy = rewrite_copy(database)
    candidates = [
        spill_folder(database),
        staging_folder(database),
        copy,
        copy.with_name(f"{copy.name}.wal"),
        rewrite_spill(database),
        *database.parent.glob(f"{escape(exporting_prefix(database))}*"),
    ]
    return [path for path in candidates if path.is_file() or (path.is_dir() and any(path.iterdir()))]


def remove_leftovers(database: Path) -> None:
    """Removes them; the caller holds the database's lock, so that nobody uses them."""
    for path in find_leftovers(database):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
