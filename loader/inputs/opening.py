"""Delivered files that can be opened: on disk, or in a zip archive."""

import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from loader.errors import FileError

try:
    from lzma import LZMAError
except ImportError:  # A Python without it reads no such archive.
    LZMAError = zlib.error  # type: ignore[assignment, misc]


_HEAD = 512
# Of a member's flags.
_ENCRYPTED = 1
# Errors of zipfile and the unpackers for archives that are damaged, cut off or inconsistent.
_DAMAGED = (zipfile.BadZipFile, zlib.error, LZMAError, struct.error, EOFError, RuntimeError, KeyError)


@dataclass(frozen=True)
class Fingerprint:
    """The properties that show, without reading it, whether a file is still the same."""

    size: int
    # Nanoseconds since 1970.
    modified: int
    # The origin's own checksum of the content.
    checksum: str = ""
    # Of a file on this machine: another inode is another file in its place.
    inode: str = ""
    # Of a file on this machine, in nanoseconds since 1970: nobody can set it back, as they can `modified`.
    changed: int = 0
    # Differs within one run if the file was replaced meanwhile.
    identity: str = ""
    # The origin's name of this version: the same name is the same content.
    version: str = ""


class Source(Protocol):
    """The origin of a delivered file, the same interface for every kind of origin."""

    @property
    def name(self) -> str:
        """The file's own name, as delivered."""
        ...

    @property
    def location(self) -> str:
        """The path for the manifest and for messages."""
        ...

    @property
    def local_path(self) -> Path | None:
        """The path of the same bytes on this machine's disk, or None."""
        ...

    def names(self) -> Iterator[str]:
        """Yield its own name, then its folders from the nearest outwards."""
        ...

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open its bytes as delivered. Raises FileError or OSError when they cannot be read."""
        ...

    def fingerprint(self) -> Fingerprint:
        """Return its present fingerprint. Raises OSError when it is gone."""
        ...


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine's disk, by its absolute path."""

    path: Path

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.name

    @property
    def location(self) -> str:
        """The path."""
        return as_text(str(self.path))

    @property
    def local_path(self) -> Path | None:
        """The path for DuckDB's reader."""
        return self.path

    def names(self) -> Iterator[str]:
        """Yield its own name, then its folders from the nearest outwards."""
        yield self.path.name
        yield from (folder.name for folder in self.path.parents)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open its bytes as delivered."""
        # Opening a pipe would block.
        if not self.path.is_file():
            self.path.stat()
            raise FileError("it is not a regular file; copy it to one first")
        with self.path.open("rb", buffering=0) as file:
            yield file

    def fingerprint(self) -> Fingerprint:
        """Return its present fingerprint."""
        seen = self.path.stat()
        return Fingerprint(seen.st_size, seen.st_mtime_ns, inode=str(seen.st_ino), changed=seen.st_ctime_ns)


@dataclass
class Archive:
    """A zip archive, in a file with random access. Its table of contents is read once for all its members."""

    file: Source
    _opened: zipfile.ZipFile | None = field(default=None, repr=False)
    _held: ExitStack = field(default_factory=ExitStack, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def head(self) -> bytes:
        """Read its first bytes. Raises OSError or FileError when they cannot be read."""
        with self.file.open() as file:
            return file.read(_HEAD)

    def members(self) -> list[zipfile.ZipInfo]:
        """List its members without folders. Raises OSError or FileError when it cannot be read."""
        try:
            found = self._contents().infolist()
        except (*_DAMAGED, ValueError, OverflowError) as error:
            raise FileError("the zip archive is damaged and cannot be read; ask for it again") from error
        # Some systems write a folder's name with a backslash.
        return [
            info
            for info in found
            if not info.filename.endswith("/") and (info.file_size or not info.filename.endswith("\\"))
        ]

    def open(self, info: zipfile.ZipInfo) -> IO[bytes]:
        """Open a member's bytes, unpacked."""
        return self._contents().open(info)

    def _contents(self) -> zipfile.ZipFile:
        with self._lock:
            if self._opened is None:
                self._opened = zipfile.ZipFile(self._held.enter_context(self.file.open()))
            return self._opened


@dataclass(frozen=True)
class ZipMember:
    """A file inside a zip archive."""

    archive: Archive
    info: zipfile.ZipInfo

    @property
    def path(self) -> PurePosixPath:
        """Its path in the archive, used for names only, never followed."""
        return PurePosixPath(self.info.filename.replace("\\", "/"))

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.name

    @property
    def location(self) -> str:
        """The archive's path, `!` and the member's path."""
        return f"{self.archive.file.location}!{as_text(self.info.filename)}"

    @property
    def local_path(self) -> Path | None:
        """None: DuckDB cannot read it in place."""
        return None

    def names(self) -> Iterator[str]:
        """Yield its own name, then its folders from the nearest outwards."""
        yield self.path.name
        yield from (folder.name for folder in self.path.parents)
        yield from self.archive.file.names()

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open its bytes as delivered."""
        if self.info.flag_bits & _ENCRYPTED:
            raise FileError("it is encrypted in its archive; deliver it without a password")
        try:
            with self.archive.open(self.info) as member:
                yield member
        except NotImplementedError as error:
            method = self.info.compress_type
            raise FileError(
                f"it is compressed in its archive by method {method}, which is not supported; unpack it first"
            ) from error
        except _DAMAGED as error:
            raise FileError("the zip archive is damaged; ask for it again") from error

    def fingerprint(self) -> Fingerprint:
        """Return the member's size, time and checksum, with the identity of its archive."""
        seen = self.archive.file.fingerprint()
        try:
            written = int(datetime(*self.info.date_time, tzinfo=UTC).timestamp()) * 1_000_000_000
        except ValueError:
            written = 0
        around = f"{seen.size}/{seen.modified}/{seen.inode}/{seen.changed}"
        checksum = f"{self.info.CRC:08x}"
        return Fingerprint(self.info.file_size, written, checksum, identity=around, version=seen.version)


def as_text(name: str) -> str:
    """Return a name with bytes that are not UTF-8 as `\\xNN`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
