"""What a command keeps on disk while it works: a private folder of its own beside the database.

The command holds the lock of a file in it. A kill lets the lock go, so of a folder whose lock is free the
command is gone: the next one, of any kind, removes it, and what it had made elsewhere.
"""

import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from secrets import token_hex

from loader.database.lock import remove_stale_lock
from loader.errors import CdrError
from loader.paths import put_in_place

_LOCK = "lock"
# The folders that were made elsewhere, each path ended by a NUL.
_ELSEWHERE = "elsewhere"
_ELSEWHERE_NAME = re.compile(r"\.cdr-[0-9a-f]{16}")
# What DuckDB itself calls what it spills.
_SPILL = "duckdb_temp_*"


@dataclass(frozen=True)
class Workspace:
    """A folder that nobody else can read, and that goes with the command."""

    folder: Path

    @property
    def spill(self) -> Path:
        """Where DuckDB puts what does not fit into memory."""
        return self.folder / "spill"

    @contextmanager
    def beside(self, path: Path) -> Iterator[Path]:
        """Another such folder beside a path, for what takes that path's place by a rename."""
        other = path.absolute().with_name(f".cdr-{token_hex(8)}")
        # Before it is there: a kill leaves none that is not listed.
        with (self.folder / _ELSEWHERE).open("ab") as listed:
            listed.write(os.fsencode(other) + b"\0")
        other.mkdir(mode=0o700)
        try:
            yield other
        finally:
            shutil.rmtree(other, ignore_errors=True)

    @contextmanager
    def replacing(self, out: Path) -> Iterator[Path]:
        """A path for the new content of `out`, which takes its place in the end, with its mode; where it is a
        link, the place of what that leads to.
        """
        with self.beside(out.resolve()) as folder:
            new = folder / "new"
            yield new
            new.chmod(0o600)
            put_in_place(new, out)


@contextmanager
def working(database: Path) -> Iterator[Workspace]:
    """A workspace beside the database, or in the system's folder for temporary files where nothing can be
    written beside it. What killed commands left is removed first.

    Raises CdrError where there is room in neither.
    """
    remove_leftovers(database)
    try:
        folder, lock = _made(database)
    except OSError as error:
        raise CdrError(
            f"cannot write in {database.parent}: {error.strerror}; make the folder writable"
        ) from error
    try:
        yield Workspace(folder)
    finally:
        _remove(folder)
        os.close(lock)


def remove_leftovers(database: Path) -> list[Path]:
    """Removes the workspaces and the lock file of killed commands; names the workspaces."""
    remove_stale_lock(database)
    removed = []
    for folder in _workspaces(database):
        if (lock := _lock_of_the_dead(folder)) is not None:
            try:
                _remove(folder)
            finally:
                os.close(lock)
            removed.append(folder)
    return removed


def remove_spill(database: Path) -> None:
    """Removes what plain dbt, or another client, left that was killed; the caller holds the database's lock,
    so that nobody uses it.
    """
    for file in _spilled(database):
        with suppress(OSError):
            file.unlink()
    with suppress(OSError):
        spill_folder(database).rmdir()


def find_leftovers(database: Path) -> list[Path]:
    """What is still there of other commands; while one works it may be that one's."""
    return [*_workspaces(database, but_own=True), *_spilled(database)]


def spill_folder(database: Path) -> Path:
    """Where the profile, and DuckDB by itself, puts what does not fit into memory."""
    return database.with_name(f"{database.name}.tmp")


def _spilled(database: Path) -> list[Path]:
    folder = spill_folder(database)
    if folder.is_symlink() or not folder.is_dir():
        return []
    return [file for file in folder.glob(_SPILL) if stat.S_ISREG(file.lstat().st_mode)]


# The folders of this process's own workspaces.
_own: set[Path] = set()


def _workspaces(database: Path, *, but_own: bool = False) -> list[Path]:
    found = []
    for base in _bases(database):
        with suppress(OSError):
            found += sorted(base.glob(f"{escape(_prefix(database))}*"))
    return [folder for folder in found if _is_private(folder) and not (but_own and folder in _own)]


def _bases(database: Path) -> list[Path]:
    return list(dict.fromkeys([database.resolve().parent, Path(tempfile.gettempdir()).resolve()]))


def _prefix(database: Path) -> str:
    # A name may have 255 bytes.
    name = os.fsdecode(os.fsencode(database.resolve().name)[:200])
    return f".{name}.work-"


def _is_private(folder: Path) -> bool:
    """Whether it is a folder that this user made for nobody else: no link, and none that others may fill."""
    try:
        seen = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid() and not seen.st_mode & 0o077


def _made(database: Path) -> tuple[Path, int]:
    """A new folder and its lock, held."""
    first, *others = _bases(database)
    while True:
        name = _prefix(database) + token_hex(8)
        folder = first / name
        try:
            folder.mkdir(mode=0o700)
        except OSError:
            if not others:
                raise
            first, *others = others
            continue
        # Until it is locked another command may take it for one that was left.
        with suppress(FileNotFoundError):
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            if _is_locked(lock, folder):
                _own.add(folder)
                return folder, lock
            os.close(lock)


def _lock_of_the_dead(folder: Path) -> int | None:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        # Killed before it had a lock, or after that was removed as the last thing.
        with suppress(OSError):
            folder.rmdir()
        return None
    if _is_locked(lock, folder):
        return lock
    os.close(lock)
    return None


def _is_locked(lock: int, folder: Path) -> bool:
    """Locks the file, where nobody else has, and tells whether it is still the folder's."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock), (folder / _LOCK).lstat())
    except OSError:
        return False


def _remove(folder: Path) -> None:
    """Removes a folder, what it lists first and its lock last: cut off, the next command does the rest."""
    _own.discard(folder)
    # A copy of the database that is built within the folder has a workspace of its own.
    for lists in (folder / _ELSEWHERE, *folder.glob(f"*/.*.work-*/{_ELSEWHERE}")):
        with suppress(OSError):
            for listed in lists.read_bytes().split(b"\0"):
                other = Path(os.fsdecode(listed))
                if _ELSEWHERE_NAME.fullmatch(other.name) and _is_private(other):
                    shutil.rmtree(other, ignore_errors=True)
    with suppress(OSError):
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name != _LOCK:
                entry.unlink(missing_ok=True)
    with suppress(OSError):
        (folder / _LOCK).unlink()
        folder.rmdir()
