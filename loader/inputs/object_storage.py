"""Deliveries in object storage: `s3://`, `gs://` and `az://`, by the optional package obstore.

Endpoints, credentials and regions are what obstore finds in the environment; no message repeats what a server
or obstore says, since that may hold them.
"""

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from glob import has_magic
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from loader.errors import CdrError, FileError
from loader.inputs.opening import Fingerprint, as_text

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_URI = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_SCHEMES = ("s3", "gs", "az")

# A failed request is tried so often again, and so is a stream that breaks off without a byte more.
_RETRIES = 3
_CLIENT = {"connect_timeout": "5 seconds", "read_timeout": "20 seconds", "timeout": "1 hour"}
_RETRY = {
    "max_retries": _RETRIES,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
}
_CHUNK = 256 << 10
_LISTED = 1000
# Parts of an upload under way, each of five megabytes.
_UPLOADS = 4

# What the providers' credentials are called. Without any of them the machine's own role is asked for some.
_CREDENTIALS = {
    "s3": re.compile(r"AWS_\w*(ACCESS_KEY_ID|TOKEN_FILE|CREDENTIALS|SKIP_SIGNATURE)"),
    "gs": re.compile(r"(GOOGLE_)?(SERVICE_ACCOUNT|APPLICATION_CREDENTIALS|SKIP_SIGNATURE)"),
    "az": re.compile(r"AZURE_\w*(KEY|SECRET|TOKEN|AZURE_CLI|SKIP_SIGNATURE|EMULATOR)"),
}
_ROLE = re.compile(
    r"169\.254\.\d|metadata\.google|/computeMetadata/|/latest/(api|meta-data)|/metadata/identity"
)
_NO = ("0", "false", "no")
_YES = ("1", "true", "yes")

_STATUS = re.compile(r"status code: (\d{3})")
_CHANGED = "it changed while it was read; it is taken the next time"
_GONE = "it was removed while it was read; deliver it again if it is needed"
_NO_CREDENTIALS = (
    "no credentials are found; set the provider's variables in the environment, as AWS_ACCESS_KEY_ID"
)


def is_uri(text: str) -> bool:
    """Whether it names something in object storage and not a path."""
    return _URI.match(text) is not None


@dataclass(frozen=True)
class Bucket:
    """A bucket or container; `root` is its URI."""

    root: str
    store: "ObjectStore" = field(repr=False, compare=False)

    def uri(self, key: str) -> str:
        """The URI of an object."""
        return f"{self.root}/{key}"


@dataclass(frozen=True)
class RemoteObject:
    """An object as it was listed: whatever is read of it is of that very version."""

    bucket: Bucket
    key: str
    size: int
    # Nanoseconds since 1970.
    modified: int
    # Where the store gives none, size and time have to do.
    etag: str

    @property
    def name(self) -> str:
        """The last part of its key."""
        return PurePosixPath(self.key).name

    @property
    def location(self) -> str:
        """Its URI; a member's follows its archive's after `!`."""
        return as_text(self.bucket.uri(self.key))

    @property
    def local_path(self) -> None:
        """Nowhere on this machine."""
        return

    def names(self) -> Iterator[str]:
        """Its own name, then its folders from the nearest outwards."""
        yield self.name
        yield from (folder.name for folder in PurePosixPath(self.key).parents)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Its bytes as delivered, with random access."""
        with _ObjectFile(self) as file:
            yield file  # type: ignore[misc]  # RawIOBase reads like any IO[bytes]

    def fingerprint(self) -> Fingerprint:
        """What it was when it was listed; reading another version fails."""
        return Fingerprint(self.size, self.modified, version=self.etag)


class _ObjectFile(io.RawIOBase):
    """An object's bytes as they come; a connection that breaks off is taken up at the same byte."""

    def __init__(self, source: RemoteObject) -> None:
        self._source = source
        self._at = 0
        self._chunk = memoryview(b"")
        self._stream: Iterator[Any] | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is, at the cost of another request."""
        return True

    def tell(self) -> int:
        """The next byte's place."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place; what is at hand of the bytes there is kept."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._source.size}[whence]
        if start + offset < 0:
            raise OSError("the place is before the start")
        skipped = start + offset - self._at
        self._at += skipped
        if 0 <= skipped <= len(self._chunk):
            self._chunk = self._chunk[skipped:]
        else:
            self._chunk, self._stream = memoryview(b""), None
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Fills the buffer, but for the end of the object."""
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
        """Lets the connection go."""
        self._chunk, self._stream = memoryview(b""), None
        super().close()

    def _next_chunk(self) -> memoryview:
        for _ in range(_RETRIES + 1):
            if self._stream is None:
                self._stream = self._request()
            with suppress(*_errors()):
                if chunk := next(self._stream, None):
                    return memoryview(chunk).cast("B")
            self._stream = None
        raise FileError(
            f"the connection broke off at byte {self._at:,} of {self._source.size:,}, "
            f"after {_RETRIES} retries; it is tried again the next time"
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
        except _errors() as error:
            raise FileError(f"it cannot be read: {_explained(error)}") from error
        if result.meta["size"] != source.size:
            raise FileError(_CHANGED)
        return iter(result.stream(min_chunk_size=_CHUNK))


def find_objects(uri: str) -> Iterator[tuple[RemoteObject, str | None]]:
    """The objects that a URI stands for: the object of that key, all below that prefix, or what a pattern
    matches, in the order of their folders. Each with its key below the prefix; None for an object that was
    named itself.

    Raises CdrError when there is nothing, or the store cannot be reached.
    """
    bucket, key = bucket_of(uri)
    pattern = tuple(part for part in key.split("/") if part)
    fixed = takewhile(lambda part: not has_magic(part), pattern)
    with told(uri):
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
    """The rest of a key behind a pattern, or a folder, that it lies in; nothing of one that the pattern
    itself names, None of any other.
    """
    if _matches(parts, pattern):
        return ""
    ends = (end for end in range(len(parts)) if _matches(parts[:end], pattern))
    return next(("/".join(parts[end:]) for end in ends), None)


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """As globs match paths: a hidden name only where the pattern says its dot, `**` any folders or none."""
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
    """Every object, page by page: a file that comes late may sort first."""
    import obstore

    pages = obstore.list(bucket.store, prefix=prefix or None, chunk_size=_LISTED)
    found = [_object(bucket, meta) for page in pages for meta in page]
    # Consoles mark a folder by an empty object whose key ends in a slash, listed here without it.
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


@contextmanager
def told(uri: str) -> Iterator[None]:
    """Whatever the store or obstore says becomes a CdrError in words of our own."""
    try:
        yield
    except _errors() as error:
        raise CdrError(f"{uri}: {_explained(error)}") from error


def list_names(bucket: Bucket, prefix: str) -> Iterator[str]:
    """The keys below a prefix, each without it."""
    import obstore

    for page in obstore.list(bucket.store, prefix=prefix or None, chunk_size=_LISTED):
        yield from (meta["path"].removeprefix(prefix).removeprefix("/") for meta in page)


def write_object(bucket: Bucket, key: str, content: Path | bytes) -> None:
    """Puts an object, in parts where it is large; nobody sees it before it is whole."""
    import obstore

    obstore.put(bucket.store, key, content, max_concurrency=_UPLOADS)


def remove_objects(bucket: Bucket, keys: list[str]) -> None:
    """Removes objects; one that is gone already is no error."""
    import obstore

    with suppress(FileNotFoundError):
        obstore.delete(bucket.store, keys)


def bucket_of(uri: str) -> tuple[Bucket, str]:
    """The bucket, and the key or prefix in it.

    Raises CdrError for a URI that is none of ours, without the optional package, or without credentials.
    """
    scheme, _, rest = uri.partition("://")
    name, _, key = rest.partition("/")
    # Not repeated: either may be a credential.
    if "@" in name or "?" in rest:
        raise CdrError(
            f"a {scheme}:// address has neither `@` before its first slash nor `?`; "
            f"give {scheme}://bucket/prefix/ and leave credentials to the environment"
        )
    if scheme.lower() not in _SCHEMES:
        raise CdrError(
            f"{uri} is none of {', '.join(f'{known}://' for known in _SCHEMES)}; "
            "name an endpoint of your own in the environment, as AWS_ENDPOINT_URL"
        )
    if not name:
        raise CdrError(f"{uri} names no bucket; give it as {scheme}://bucket/prefix/")
    return _bucket(scheme.lower(), name), key


def _bucket(scheme: str, name: str) -> Bucket:
    root = f"{scheme}://{name}"
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise CdrError(
            f"{root}: object storage is read by an optional package; "
            "install it: pip install 'cdr-tables[cloud]'"
        ) from error
    asks_role = os.environ.get("CDR_MACHINE_ROLE", "").lower() not in _NO
    if not asks_role and not any(map(_CREDENTIALS[scheme].match, os.environ)):
        raise CdrError(f"{root}: {_NO_CREDENTIALS}")
    allowed = any(
        os.environ.get(f"{provider}_ALLOW_HTTP", "").lower() in _YES
        for provider in ("AWS", "GOOGLE", "AZURE")
    )
    client = {**_CLIENT, "allow_http": allowed}
    with told(root):
        store = from_url(root, client_options=client, retry_config=_RETRY)  # type: ignore[call-overload]
    return Bucket(root, store)


def _errors() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError

    return BaseError, ValueError, OSError


def _explained(error: Exception) -> str:
    """What went wrong and what to do, in words of our own."""
    text = str(error)
    found = _STATUS.search(text)
    status = int(found[1]) if found else 0
    if _ROLE.search(text) or "must be specified" in text:
        return _NO_CREDENTIALS
    if status in (401, 403):
        return f"access is denied ({status}); check the credentials in the environment and their rights"
    if status == 404:
        return "there is no such bucket; check its name and the endpoint"
    if status in (301, 307, 400) or "without LOCATION" in text:
        return "the store refuses the request; check bucket, region (AWS_REGION) and endpoint"
    if "BadScheme" in text:
        return "the endpoint is not encrypted; give one of https://, or set AWS_ALLOW_HTTP=true"
    told = f"answers {status}" if status else "cannot be reached"
    return f"the store {told}, after {_RETRIES} retries; check the endpoint and try again later"
