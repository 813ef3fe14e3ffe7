"""Objects in object storage as deliveries: found by URI or pattern, and read with random access."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import has_magic
from itertools import takewhile
from pathlib import PurePosixPath
from typing import IO, Any

from loader.errors import CdrError, FileError
from loader.inputs.object_storage import (
    RETRIES,
    Bucket,
    bucket_of,
    errors,
    explained,
    list_objects,
    translate_errors,
)
from loader.inputs.opening import Fingerprint, as_text

_CHUNK = 256 << 10
_CHANGED = "it changed while it was read; the next run stages it"
_GONE = "it was removed while it was read; deliver it again if it is needed"


@dataclass(frozen=True)
class RemoteObject:
    """An object as it was listed; every read is of that version."""

    bucket: Bucket
    key: str
    size: int
    # Nanoseconds since 1970.
    modified: int
    # Empty for a store without ETags: then size and time identify the version.
    etag: str

    @property
    def name(self) -> str:
        """The last part of its key."""
        return PurePosixPath(self.key).name

    @property
    def location(self) -> str:
        """Its URI."""
        return as_text(self.bucket.uri(self.key))

    @property
    def local_path(self) -> None:
        """None: it is not on this machine."""
        return None

    def names(self) -> Iterator[str]:
        """Yield its own name, then its folders from the nearest outwards."""
        yield self.name
        yield from (folder.name for folder in PurePosixPath(self.key).parents)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open its bytes as delivered, with random access."""
        with _ObjectFile(self) as file:
            yield file  # type: ignore[misc]  # RawIOBase reads like any IO[bytes]

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint of the listed version; reading another version fails."""
        return Fingerprint(self.size, self.modified, version=self.etag)


class _ObjectFile(io.RawIOBase):
    """An object as a file; after a broken connection the read continues at the same byte."""

    def __init__(self, source: RemoteObject) -> None:
        self._source = source
        self._at = 0
        self._chunk = memoryview(b"")
        self._stream: Iterator[Any] | None = None

    def readable(self) -> bool:
        """Readable."""
        return True

    def seekable(self) -> bool:
        """Seekable; each seek costs a request."""
        return True

    def tell(self) -> int:  # io's name, not for check_words
        """Return the position of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position; keep the bytes already read that follow it."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._source.size}[whence]
        if start + offset < 0:
            raise OSError("the position is before the start")
        skipped = start + offset - self._at
        self._at += skipped
        if 0 <= skipped <= len(self._chunk):
            self._chunk = self._chunk[skipped:]
        else:
            self._chunk, self._stream = memoryview(b""), None
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer, up to the end of the object."""
        out = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(out) and self._at < self._source.size:
            if not self._chunk:
                self._chunk = self._next_chunk()
            part = self._chunk[: len(out) - filled]
            out[filled : filled + len(part)] = part
            filled += len(part)
            self._at += len(part)
            self._chunk = self._chunk[len(part) :]
        return filled

    def close(self) -> None:
        """Close the connection."""
        self._chunk, self._stream = memoryview(b""), None
        super().close()

    def _next_chunk(self) -> memoryview:
        for _ in range(RETRIES + 1):
            if self._stream is None:
                self._stream = self._request()
            with suppress(*errors()):
                if chunk := next(self._stream, None):
                    return memoryview(chunk).cast("B")
            self._stream = None
        raise FileError(
            f"the connection broke off at byte {self._at:,} of {self._source.size:,}, "
            f"after {RETRIES} retries; the next run tries it again"
        )

    def _request(self) -> Iterator[Any]:
        import obstore
        from obstore.exceptions import PreconditionError

        source = self._source
        options: dict[str, Any] = {"if_match": source.etag} if source.etag else {}
        if self._at:
            options["range"] = {"offset": self._at}
        try:
            result = obstore.get(source.bucket.store, source.key, options=options)  # type: ignore[arg-type]
        except PreconditionError as error:
            raise FileError(_CHANGED) from error
        except FileNotFoundError as error:
            raise FileError(_GONE) from error
        except errors() as error:
            raise FileError(f"it cannot be read: {explained(error)}") from error
        if result.meta["size"] != source.size:
            raise FileError(_CHANGED)
        return iter(result.stream(min_chunk_size=_CHUNK))


def find_objects(uri: str) -> Iterator[tuple[RemoteObject, str | None]]:
    """Yield the objects that a URI names: the object of that key, all below that prefix, or all that match a
    pattern, in the order of their folders. Each comes with its key below the prefix; None for an object that
    was named itself.

    Raises CdrError when there is none, or the store cannot be reached.
    """
    bucket, key = bucket_of(uri)
    pattern = tuple(part for part in key.split("/") if part)
    fixed = takewhile(lambda part: not has_magic(part), pattern)
    with translate_errors(uri):
        if key and not key.endswith("/") and (named := _head(bucket, key)):
            yield named, None
            return
        listed = _listed(bucket, "/".join(fixed))
    matches = ((one, _below(tuple(one.key.split("/")), pattern)) for one in listed)
    found = [(one, below) for one, below in matches if below is not None]
    if not found and has_magic(key):
        raise CdrError(f"{uri}: no object matches; check the pattern")
    if not found:
        raise CdrError(f"{uri}: there is no object of this name, nor any below it; check bucket and prefix")
    for one, below in sorted(found, key=lambda pair: pair[0].key.split("/")):
        yield one, below or None


def _below(parts: tuple[str, ...], pattern: tuple[str, ...]) -> str | None:
    """Return the rest of a key below a folder that matches the pattern; an empty text if the key itself
    matches, None if it is elsewhere.
    """
    if _matches(parts, pattern):
        return ""
    ends = (end for end in range(len(parts)) if _matches(parts[:end], pattern))
    return next(("/".join(parts[end:]) for end in ends), None)


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a key matches, as globs match paths: hidden names only by a dot, `**` any folders or none."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _matches(parts, pattern[1:]) or (
            bool(parts) and not parts[0].startswith(".") and _matches(parts[1:], pattern)
        )
    if not parts or (parts[0].startswith(".") and not pattern[0].startswith(".")):
        return False
    return fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _listed(bucket: Bucket, prefix: str) -> list[RemoteObject]:
    """List every object below a prefix: a late file may sort first."""
    found = [_object(bucket, meta) for meta in list_objects(bucket, prefix)]
    # Consoles mark a folder by an empty object whose key ends in a slash, which this list omits.
    return [one for one in found if one.size or _head(bucket, one.key)]


def _head(bucket: Bucket, key: str) -> RemoteObject | None:
    import obstore

    try:
        return _object(bucket, obstore.head(bucket.store, key))
    except FileNotFoundError:
        return None


def _object(bucket: Bucket, meta: Any) -> RemoteObject:
    modified = int(meta["last_modified"].timestamp()) * 1_000_000_000
    return RemoteObject(bucket, meta["path"], meta["size"], modified, meta["e_tag"] or "")
