"""One lock for a whole command: a command that writes to a database holds it from its first step to its last.

DuckDB's own lock is released between staging and building; this one is not. It is advisory: plain dbt and
other clients ignore it, and DuckDB's lock keeps them out.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from loader.errors import CdrError


@dataclass(frozen=True)
class Deadline:
    """The time until which a command may wait for locks, on the clock of time.monotonic()."""

    at: float

    @property
    def left(self) -> float:
        """The seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())


def lock_file(database: Path) -> Path:
    """Return the file that is locked: next to the database, behind any link. It holds the locking process's
    number or nothing.
    """
    target = database.resolve()
    return target.with_name(f".{target.name}.lock")


@contextmanager
def exclusive(database: Path, wait: float = 0, *, creates: bool = False) -> Iterator[Deadline]:
    """Hold the database's lock; yield how long the rest of the command may wait for DuckDB's own. If there is
    no database and the command creates none, nothing is locked.

    Raises CdrError when another command holds it for longer than `wait` seconds, or the folder is missing or
    not writable.
    """
    deadline = Deadline(time.monotonic() + wait)
    if not creates and not database.exists():
        yield deadline
        return
    path = lock_file(database)
    descriptor = _acquired(database, path, deadline)
    try:
        # For messages only; on a full disk the holder stays unknown.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield deadline
    finally:
        # Removed while held: a command that has opened it notices, and opens the next one.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def holder_message(database: Path, pid: int | None) -> str:
    """Return a line that names the process that uses the database, and what to do."""
    holder = "another process"
    if pid is not None:
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            program = " ".join(" ".join(arguments).split())
        except OSError:
            program = ""
        holder = f"process {pid}" + (f" ({program[:200]})" if program else "")
    return f"{database} is in use by {holder}; wait for it with --wait SECONDS or end it"


def _acquired(database: Path, path: Path, deadline: Deadline) -> int:
    while True:
        descriptor = _opened(database, path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            if not deadline.left:
                raise CdrError(holder_message(database, holder)) from error
            time.sleep(min(0.1, deadline.left))
            continue
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.lstat()):
                return descriptor
        os.close(descriptor)


def _opened(database: Path, path: Path) -> int:
    try:
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
        )
    except FileNotFoundError as error:
        raise CdrError(
            f"{database.parent} is not a folder; make it or name another database with --database"
        ) from error
    except OSError as error:
        if path.is_symlink() or (os.path.lexists(path) and not path.is_file()):
            raise _no_lock(path) from error
        raise CdrError(
            f"cannot write in {database.parent}: {error.strerror}; make the folder writable"
        ) from error
    if not _is_lock(descriptor):
        os.close(descriptor)
        raise _no_lock(path)
    return descriptor


def _no_lock(path: Path) -> CdrError:
    return CdrError(f"{path} is in the place of cdr's lock file and is not one; remove it")


def _is_lock(descriptor: int) -> bool:
    """Whether it is a file with a process's number or nothing, and without another name."""
    seen = os.fstat(descriptor)
    if not stat.S_ISREG(seen.st_mode) or seen.st_nlink > 1:
        return False
    text = os.pread(descriptor, 21, 0)
    return not text or (text.isdigit() and len(text) < 21)


def _holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, 20, 0).decode(errors="replace")
    return int(text) if text.isdigit() else None


def remove_stale_lock(database: Path) -> None:
    """Remove the lock file of a killed command."""
    path = lock_file(database)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_lock(descriptor) and os.path.samestat(os.fstat(descriptor), path.lstat()):
            path.unlink()
    os.close(descriptor)
