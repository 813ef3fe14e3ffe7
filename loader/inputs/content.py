"""One file's content: decompressed, converted to UTF-8, hashed and counted in a single pass."""

import codecs
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, BinaryIO

from loader.errors import CdrError, FileError
from loader.inputs.compression import unpacked
from loader.inputs.naming import base_name
from loader.inputs.opening import Fingerprint, Source
from loader.inputs.signatures import check_signature

BLOCK = 1 << 20

# Texts up to this size are kept in memory.
SMALL = 256 << 10

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# Bytes that do not decode become lone surrogates from here on, which make their line invalid UTF-8.
BAD_BYTE = 0xDC00

_BAD_BYTES = "cdr-bad-bytes"


@dataclass
class Content:
    """A file's content as UTF-8 text, with the counts of one pass over it.

    A small text is kept in memory, a larger plain one stays where it was delivered, any other is unpacked
    into a private file.
    """

    # Of the decompressed content, as delivered.
    sha256: str
    size: int
    # Of the UTF-8 text.
    profile: "TextProfile"
    transcoded: bool
    # The delivered file and its fingerprint when it was read.
    source: Source
    seen: Fingerprint
    # The path of the text on disk, or the path to write it to.
    path: Path
    # Whether `path` is a private copy.
    copied: bool
    # Whether the name is that of a compressed file and the content is plain text.
    promised: bool = False
    # The text of a small file.
    text: bytes | None = None

    def open(self) -> BinaryIO:
        """Open the text at its start."""
        return io.BytesIO(self.text) if self.text is not None else self.path.open("rb", buffering=0)

    def on_disk(self) -> Path:
        """Return the path of the text for DuckDB's reader; write it first if need be."""
        if self.copied and self.text is not None and not self.path.exists():
            with self.path.open("xb", buffering=0) as out:
                write_all(out, self.text)
        return self.path

    def check_unchanged(self) -> None:
        """Raise FileError if a file that is read in place has changed since it was hashed."""
        if not self.copied:
            _check_unchanged(self.seen, self.source)

    def discard(self) -> None:
        """Remove the private copy, if there is one."""
        if self.copied:
            self.path.unlink(missing_ok=True)


@dataclass
class TextProfile:
    """The counts of a UTF-8 text that decide how it can be read."""

    size: int = 0
    bom: int = 0
    line_feeds: int = 0
    carriage_returns: int = 0
    crlf: int = 0
    has_nul: bool = False
    quotes: int = 0
    has_opening_quote: bool = False
    valid_utf8: bool = True
    last: bytes = b""
    # Bytes of the longest line that spans blocks.
    longest: int = 0
    _rest: int = 0
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=codecs.getincrementaldecoder("utf-8"), repr=False
    )

    def add(self, block: bytes) -> None:
        """Count a block of the text."""
        if not self.size and block.startswith(codecs.BOM_UTF8):
            self.bom = len(codecs.BOM_UTF8)
        self.size += len(block)
        self.line_feeds += block.count(b"\n")
        if b"\r" in block or self.last == b"\r":
            self.carriage_returns += block.count(b"\r")
            self.crlf += block.count(b"\r\n") + (self.last == b"\r" and block[:1] == b"\n")
        self.has_nul = self.has_nul or b"\0" in block
        if b'"' in block:
            self.quotes += block.count(b'"')
            if not self.has_opening_quote:
                around = (self.last or b"\n") + block
                opening = b';"' in around or b'\n"' in around
                self.has_opening_quote = opening or block.startswith(b'"', self.bom)
        if self.valid_utf8 and not (block.isascii() and not self._decoder.getstate()[0]):
            self._decode(block, final=False)
        first = block.find(b"\n")
        self.longest = max(self.longest, self._rest + (len(block) if first < 0 else first))
        self._rest = self._rest + len(block) if first < 0 else len(block) - block.rfind(b"\n") - 1
        self.last = block[-1:]

    def finish(self) -> None:
        """End the text: a character cut off there is not valid."""
        if self.valid_utf8:
            self._decode(b"", final=True)

    def _decode(self, block: bytes, final: bool) -> None:
        try:
            self._decoder.decode(block, final)
        except UnicodeDecodeError:
            self.valid_utf8 = False

    @property
    def lines(self) -> int:
        """The number of physical lines, with a last one without a line end."""
        return self.line_feeds + (self.size > self.bom and self.last != b"\n")

    @property
    def uniform(self) -> bool:
        """Whether all lines end alike and every byte is text."""
        ends_agree = self.carriage_returns == self.crlf and self.crlf in (0, self.line_feeds)
        return ends_agree and self.valid_utf8 and not self.has_nul


def check_encoding(name: str) -> None:
    """Raise CdrError unless files can be read in the text encoding."""
    text = "CallId;UserSpaceId\r\n1;2\n"
    try:
        encoded = text.encode(name)
        decoder = codecs.getincrementaldecoder(name)(_BAD_BYTES)
        is_readable = decoder.decode(encoded) == text
        # Some encodings cannot continue after bytes that do not decode.
        decoder.decode(bytes(range(256)) * 2, True)
    except (LookupError, UnicodeError, ValueError, TypeError) as error:
        raise _unknown_encoding(name) from error
    if not is_readable:
        raise _unknown_encoding(name)


def _unknown_encoding(name: str) -> CdrError:
    return CdrError(
        f"unknown encoding {name!r}; name one that Python supports, as utf-8, cp1252 or utf-16-le"
    )


def prepare(source: Source, encoding: str | None, folder: Path) -> Content:
    """Read a file once: plain UTF-8 stays where it is, anything else is unpacked into a private file in the
    folder.

    A byte order mark overrides `encoding`. Raises ZipArchive for an archive, and FileError when the file
    cannot be read or unpacked, or changes meanwhile.
    """
    spool = folder / f"{os.urandom(8).hex()}.txt"
    try:
        with source.open() as raw:
            before = source.fingerprint()
            blocks, compressed = unpacked(_blocks_of(raw, BLOCK), source.name)
            first = next(blocks, b"")
            promised = not compressed and base_name(source.name) != source.name
            bom_encoding = next((codec for bom, codec in _BOMS if first.startswith(bom)), None)
            check_signature(first, encoding or bom_encoding, compressed, promised)
            codec = codecs.lookup(bom_encoding or encoding or "utf-8").name
            path = source.local_path if not compressed and codec == "utf-8" else None
            # DuckDB accepts only paths in UTF-8.
            in_place = path is not None and str(path).isprintable()
            beginning = _up_to(chain([first], blocks), SMALL)
            if (text := next(beginning)) is not None:
                digest, size, profile = hashlib.sha256(text).hexdigest(), len(text), TextProfile()
                text = _transcoded(text, codec)
                if text:
                    profile.add(text)
                profile.finish()
            else:
                with ExitStack() as stack:
                    out = None if in_place else stack.enter_context(spool.open("xb", buffering=0))
                    digest, size, profile = _read(_present(beginning), codec, out)
            _check_unchanged(before, source)
            return Content(
                digest,
                size,
                profile,
                transcoded=codec != "utf-8",
                source=source,
                seen=before,
                path=path if path and in_place else spool,
                copied=not in_place,
                promised=promised,
                text=text,
            )
    except BaseException as error:
        spool.unlink(missing_ok=True)
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise FileError(
                f"cannot be read ({reason}); check the file's rights and the free disk space"
            ) from error
        if isinstance(error, UnicodeError):
            raise FileError(
                f"it is not a text in the encoding {encoding}; stage it with another one"
            ) from error
        raise


def _read(blocks: Iterable[bytes], codec: str, out: BinaryIO | None) -> tuple[str, int, TextProfile]:
    """Return the SHA-256 and size of the blocks and the profile of their text; write the text to `out`."""
    digest = hashlib.sha256()
    profile = TextProfile()
    size = 0
    decoder = codecs.getincrementaldecoder(codec)(_BAD_BYTES) if codec != "utf-8" else None
    # Hashing releases the interpreter, so the same block is counted meanwhile.
    with ThreadPoolExecutor(max_workers=1) as hashing:
        hashed: Future[None] | None = None
        for block in blocks:
            if hashed:
                hashed.result()
            hashed = hashing.submit(digest.update, block)
            size += len(block)
            text = decoder.decode(block).encode("utf-8", "surrogatepass") if decoder else block
            _take(text, profile, out)
        if decoder:
            _take(decoder.decode(b"", True).encode("utf-8", "surrogatepass"), profile, out)
        if hashed:
            hashed.result()
    profile.finish()
    return digest.hexdigest(), size, profile


def _up_to(blocks: Iterable[bytes], most: int) -> Iterator[bytes | None]:
    """Yield all blocks as one if they have at most that many bytes; otherwise None, then the blocks."""
    kept: list[bytes] = []
    size = 0
    rest = iter(blocks)
    for block in rest:
        kept.append(block)
        size += len(block)
        if size > most:
            yield None
            yield from kept
            yield from rest
            return
    yield b"".join(kept)


def _present(blocks: Iterable[bytes | None]) -> Iterator[bytes]:
    return (block for block in blocks if block is not None)


def _transcoded(text: bytes, codec: str) -> bytes:
    if codec == "utf-8":
        return text
    decoder = codecs.getincrementaldecoder(codec)(_BAD_BYTES)
    return decoder.decode(text, True).encode("utf-8", "surrogatepass")


def _take(text: bytes, profile: TextProfile, out: BinaryIO | None) -> None:
    if text:
        profile.add(text)
        if out:
            write_all(out, text)


def write_all(out: BinaryIO, data: bytes) -> None:
    """Write every byte to an unbuffered file, or raise OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[out.write(rest) :]


def _keep_bad_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(BAD_BYTE + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_BAD_BYTES, _keep_bad_bytes)


def _check_unchanged(before: Fingerprint, source: Source) -> None:
    if source.fingerprint() != before:
        raise FileError("it changed while it was read; deliver it again when it is complete")


def _blocks_of(raw: IO[bytes], size: int) -> Iterator[bytes]:
    while block := raw.read(size):
        yield block
