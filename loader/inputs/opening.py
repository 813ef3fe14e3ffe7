"""A delivered file that can be opened."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from loader.errors import FileError


class Source(Protocol):
    """A delivered file that can be opened for reading its bytes."""

    @property
    def path(self) -> Path:
        """The file on disk."""
        ...

    @property
    def member(self) -> str | None:
        """The name inside the zip archive that `path` is, if it is one."""
        ...


@contextmanager
def opened_source(source: Source) -> Iterator[IO[bytes]]:
    """The delivered bytes; raises FileError when they cannot be had."""
    # Opening a pipe would wait for its other end.
    if not source.path.is_file():
        source.path.stat()
        raise FileError("it is not a regular file; copy it to one first")
    with source.path.open("rb", buffering=0) as file:
        if source.member is None:
            yield file
            return
        try:
            with zipfile.ZipFile(file) as archive, archive.open(source.member) as member:
                yield member
        # zipfile raises NotImplementedError for a compression it does not know, RuntimeError for a password.
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            KeyError,
        ) as error:
            raise FileError(
                f"the zip archive is damaged, encrypted or unsupported ({error}); ask for it again"
            ) from error
