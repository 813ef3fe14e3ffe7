"""Frees the space of what a database no longer holds."""

from dataclasses import dataclass
from pathlib import Path

from loader.database.connection import damaged, opened
from loader.database.space import Blocks, explained, rewrite
from loader.errors import CdrError

# A file with more free blocks than this share is rewritten after a full refresh by `cdr build`.
_FREE_SHARE_WORTH_A_REWRITE = 1 / 3


@dataclass(frozen=True)
class Compacted:
    """The size of the database file before and after, in bytes."""

    bytes_before: int
    bytes_after: int


def compact(database: Path, wait: float = 0) -> Compacted:
    """Rewrite the database without its free blocks.

    Raises CdrError when it cannot be used, or there is no room for a copy.
    """
    import duckdb

    # What a write-ahead log still holds goes into the file first.
    with opened(database, "write", wait) as connection:
        connection.execute("checkpoint")
    before = database.stat().st_size
    try:
        rewrite(database)
    except (OSError, duckdb.Error) as error:
        if (damage := damaged(database, error)) is not None:
            raise damage from error
        raise CdrError(
            f"the database could not be rewritten: {explained(database, error)} and try again"
        ) from error
    return Compacted(before, database.stat().st_size)


def is_worth_it(found: Blocks) -> bool:
    """Whether more than a third of the file's blocks are free."""
    return found.free_share > _FREE_SHARE_WORTH_A_REWRITE
