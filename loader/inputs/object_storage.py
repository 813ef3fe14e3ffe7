"""Buckets in object storage: `s3://`, `gs://` and `az://`, by the optional package obstore.

obstore finds endpoints, credentials and regions in the environment. No message repeats the text of a server
or of obstore, since that may hold them.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import CdrError

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

_URI = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_SCHEMES = ("s3", "gs", "az")

# Retries of a failed request, and of a stream that breaks off without another byte.
RETRIES = 3
_CLIENT = {"connect_timeout": "5 seconds", "read_timeout": "20 seconds", "timeout": "1 hour"}
_RETRY = {
    "max_retries": RETRIES,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
}
_LISTED = 1000
# Parallel parts of an upload, of five megabytes each.
_UPLOADS = 4

# The providers' variables for credentials. Without any, the machine's own role is asked for credentials.
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
_NO_CREDENTIALS = (
    "no credentials are found; set the provider's variables in the environment, as AWS_ACCESS_KEY_ID"
)


def is_uri(text: str) -> bool:
    """Whether a text is a URI and not a path."""
    return _URI.match(text) is not None


@dataclass(frozen=True)
class Bucket:
    """A bucket or container; `root` is its URI."""

    root: str
    store: "ObjectStore" = field(repr=False, compare=False)

    def uri(self, key: str) -> str:
        """Return the URI of an object."""
        return f"{self.root}/{key}"


@contextmanager
def translate_errors(uri: str) -> Iterator[None]:
    """Raise errors of the store and of obstore as CdrError, in words of our own."""
    try:
        yield
    except errors() as error:
        raise CdrError(f"{uri}: {explained(error)}") from error


def list_objects(bucket: Bucket, prefix: str) -> Iterator["ObjectMeta"]:
    """Yield obstore's metadata of every object below a prefix, page by page."""
    import obstore

    for page in obstore.list(bucket.store, prefix=prefix or None, chunk_size=_LISTED):
        yield from page


def list_names(bucket: Bucket, prefix: str) -> Iterator[str]:
    """Yield the keys below a prefix, without the prefix."""
    for meta in list_objects(bucket, prefix):
        yield meta["path"].removeprefix(prefix).removeprefix("/")


def write_object(bucket: Bucket, key: str, content: Path | bytes) -> None:
    """Put an object, a large one in parts; it is visible only when it is whole."""
    import obstore

    obstore.put(bucket.store, key, content, max_concurrency=_UPLOADS)


def remove_objects(bucket: Bucket, keys: list[str]) -> None:
    """Remove objects; one that is gone already is no error."""
    import obstore

    with suppress(FileNotFoundError):
        obstore.delete(bucket.store, keys)


def bucket_of(uri: str) -> tuple[Bucket, str]:
    """Return the bucket of a URI, and the key or prefix in it.

    Raises CdrError for an unsupported URI, without the optional package, or without credentials.
    """
    scheme, _, rest = uri.partition("://")
    name, _, key = rest.partition("/")
    # The message omits them: either may be a credential.
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
    with translate_errors(root):
        store = from_url(root, client_options=client, retry_config=_RETRY)  # type: ignore[call-overload]
    return Bucket(root, store)


def errors() -> tuple[type[Exception], ...]:
    """Return the types of errors that obstore raises for a failed request."""
    from obstore.exceptions import BaseError

    return BaseError, ValueError, OSError


def explained(error: Exception) -> str:
    """Explain an error with its remedy, in words of our own."""
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
    outcome = f"answers {status}" if status else "cannot be reached"
    return f"the store {outcome}, after {RETRIES} retries; check the endpoint and try again later"
