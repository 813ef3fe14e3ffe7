"""Workspaces: the private folder next to the database in which a command keeps its files while it works.

The command holds the lock of a file in it. A kill releases the lock, so the command of a folder with a free
lock is gone: the next command, of any kind, removes the folder and what it lists elsewhere.
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
# The folders created elsewhere, each path ended by a NUL.
_ELSEWHERE = "elsewhere"
_ELSEWHERE_NAME = re.compile(r"\.cdr-[0-9a-f]{16}")
# DuckDB's names for spilled data.
_SPILL = "duckdb_temp_*"


@dataclass(frozen=True)
class Workspace:
    """A folder that only this user can read, and that is removed with the command."""

    folder: Path

    @property
    def spill(self) -> Path:
        """The folder for data that does not fit into DuckDB's memory."""
        return self.folder / "spill"

    @contextmanager
    def beside(self, path: Path) -> Iterator[Path]:
        """Create another such folder next to a path, for a file that replaces the path by a rename."""
        other = path.absolute().with_name(f".cdr-{token_hex(8)}")
        # Listed before it exists: a kill leaves no unlisted folder.
        with (self.folder / _ELSEWHERE).open("ab") as listed:
            listed.write(os.fsencode(other) + b"\0")
        other.mkdir(mode=0o700)
        try:
            yield other
        finally:
            shutil.rmtree(other, ignore_errors=True)

    @contextmanager
    def replacing(self, out: Path) -> Iterator[Path]:
        """Yield a path for the new content of `out`. At the end it replaces `out`, or the target of that
        link, with the same mode.
        """
        with self.beside(out.resolve()) as folder:
            new = folder / "new"
            yield new
            new.chmod(0o600)
            put_in_place(new, out)


@contextmanager
def working(database: Path) -> Iterator[Workspace]:
    """Create a workspace next to the database, or in the system's folder for temporary files if that is not
    writable. Leftovers of killed commands are removed first.

    Raises CdrError if neither can be written.
    """
    remove_leftovers(database)
    # Listed before it is there: a signal can come at any moment.
    made: dict[Path, int | None] = {}
    try:
        try:
            folder = _make(database, made)
        except OSError as error:
            raise CdrError(
                f"cannot write in {database.parent}: {error.strerror}; make the folder writable"
            ) from error
        yield Workspace(folder)
    finally:
        for folder, lock in made.items():
            _remove(folder)
            if lock is not None:
                os.close(lock)


def remove_leftovers(database: Path) -> list[Path]:
    """Remove the workspaces and the lock file of killed commands; return the workspaces."""
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
    """Remove spilled data of killed clients, such as plain dbt. The caller holds the database's lock, so no
    client uses it.
    """
    for file in _spilled(database):
        with suppress(OSError):
            file.unlink()
    with suppress(OSError):
        spill_folder(database).rmdir()


def find_leftovers(database: Path) -> list[Path]:
    """Return what other commands left, or what a running one uses."""
    return [*_workspaces(database, but_own=True), *_spilled(database)]


def spill_folder(database: Path) -> Path:
    """Return the folder for spilled data of the profile, which is also DuckDB's default."""
    return database.with_name(f"{database.name}.tmp")


def _spilled(database: Path) -> list[Path]:
    folder = spill_folder(database)
    if folder.is_symlink() or not folder.is_dir():
        return []
    return [file for file in folder.glob(_SPILL) if stat.S_ISREG(file.lstat().st_mode)]


# The workspaces of this process.
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
    """Whether it is a folder of this user that nobody else can use, and not a link."""
    try:
        seen = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid() and not seen.st_mode & 0o077


def _make(database: Path, made: dict[Path, int | None]) -> Path:
    """Make a folder and hold its lock; `made` lists both."""
    first, *others = _bases(database)
    while True:
        folder = first / (_prefix(database) + token_hex(8))
        made[folder] = None
        try:
            folder.mkdir(mode=0o700)
        except OSError:
            del made[folder]
            if not others:
                raise
            first, *others = others
            continue
        _own.add(folder)
        # Until it is locked another command may take it for one that was left.
        with suppress(FileNotFoundError):
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            made[folder] = lock = os.open(folder / _LOCK, flags, 0o600)
            if _is_locked(lock, folder):
                return folder
            os.close(lock)
        _own.discard(folder)
        del made[folder]


def _lock_of_the_dead(folder: Path) -> int | None:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        # Killed before it had a lock, or after the lock was removed.
        with suppress(OSError):
            folder.rmdir()
        return None
    if _is_locked(lock, folder):
        return lock
    os.close(lock)
    return None


def _is_locked(lock: int, folder: Path) -> bool:
    """Lock the file; whether that succeeded and it is still the folder's."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock), (folder / _LOCK).lstat())
    except OSError:
        return False


def _remove(folder: Path) -> None:
    """Remove a folder: first what it lists, last its lock, so that the next command can finish it."""
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
