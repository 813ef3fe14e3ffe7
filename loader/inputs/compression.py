"""gzip and zstd: detected from the first bytes, unpacked a bounded piece at a time."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import PurePath

from loader.errors import FileError
from loader.inputs.signatures import is_known, is_text

_GZIP_MAGIC = b"\x1f\x8b"

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_GZIP_WINDOW = 31

_UNPACKED_BLOCK = 1 << 20

_HEAD = 512

_MOST_LAYERS = 5

_ZSTD_BITE = 1 << 12


def compression_of(head: bytes, name: str) -> str | None:
    """Return the compression of the first bytes. The name decides only if they are neither compressed, nor a
    text, nor another known format.
    """
    if head.startswith(_GZIP_MAGIC):
        return "gzip"
    if head.startswith(_ZSTD_MAGIC):
        return "zstd"
    named = {".gz": "gzip", ".zst": "zstd"}.get(PurePath(name.lower()).suffix)
    return None if named is None or is_text(head) or is_known(head) else named


def unpacked(blocks: Iterable[bytes], name: str) -> tuple[Iterator[bytes], bool]:
    """Unpack the bytes, also nested compressions; return them and whether they were compressed."""
    layers = 0
    while True:
        head, blocks = _beginning(blocks)
        compression = compression_of(head, name if not layers else "")
        if compression is None:
            return iter(blocks), layers > 0
        if layers == _MOST_LAYERS:
            raise FileError(
                f"it is compressed more than {_MOST_LAYERS} times; ask for the file as it was made"
            )
        blocks = _gunzipped(blocks) if compression == "gzip" else _unzstd(blocks)
        layers += 1


def _beginning(blocks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return enough first bytes to detect a format, and all blocks, these bytes in one."""
    rest = iter(blocks)
    head = b""
    while len(head) < _HEAD and (more := next(rest, b"")):
        head += more
    return head, chain([head] if head else [], rest)


def _gunzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack every member of a gzip file; zlib checks each one's length and CRC. Zeros may follow."""
    members = 0
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    inside = False
    try:
        for block in blocks:
            while block:
                if not inside:
                    block = block.lstrip(b"\0") if members else block
                    if not block:
                        break
                    inside = True
                text = unpacker.decompress(block, _UNPACKED_BLOCK)
                if text:
                    yield text
                block = unpacker.unconsumed_tail
                if unpacker.eof:
                    block = unpacker.unused_data
                    unpacker = zlib.decompressobj(_GZIP_WINDOW)
                    inside = False
                    members += 1
    except zlib.error as error:
        raise FileError("the gzip data is damaged; ask for the file again") from error
    if inside or not members:
        raise FileError("the gzip data ends too early; ask for the file again")


def _unzstd(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack every frame of a zstd file; check its end, and its checksum if it has one."""
    import zstandard

    frames = 0
    inside = False
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    try:
        for block in blocks:
            # Small bites, since the output of one is not bounded.
            for start in range(0, len(block), _ZSTD_BITE):
                bite = block[start : start + _ZSTD_BITE]
                while bite:
                    inside = True
                    if text := unpacker.decompress(bite):
                        yield text
                    bite = b""
                    if unpacker.eof:
                        bite = unpacker.unused_data
                        unpacker = zstandard.ZstdDecompressor().decompressobj()
                        inside = False
                        frames += 1
    except zstandard.ZstdError as error:
        raise FileError("the zstd data is damaged; ask for the file again") from error
    if inside or not frames:
        raise FileError("the zstd data ends too early; ask for the file again")
