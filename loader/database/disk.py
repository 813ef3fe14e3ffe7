"""Full disks: detected from errors, and described."""

import errno
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT}
_WORDS = re.compile("No space left on device|Disk quota exceeded", re.IGNORECASE)
# Raw records and marts together; loader/README.md, "Disk".
BYTES_A_CALL = 250
_LEAST = 32 << 20


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, is a full disk."""
    while error is not None:
        if getattr(error, "errno", None) in _FULL or says_full(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def says_full(message: object) -> bool:
    """Whether a message is about a full disk."""
    return _WORDS.search(str(message)) is not None


def no_room(folders: Iterable[Path], needed: int) -> str:
    """Describe the folder with the least free space, that space, and the space needed."""
    free = {folder: shutil.disk_usage(folder).free for folder in folders if folder.is_dir()}
    folder = min(free, key=lambda each: free[each])
    wanted = max(needed, _LEAST)
    return (
        f"the disk of {folder} is full: {_megabytes(free[folder])} are free, about {_megabytes(wanted)} are "
        "needed"
    )


def _megabytes(number: int) -> str:
    return f"{number / (1 << 20):,.0f} MiB"
