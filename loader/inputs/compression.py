"""gzip and zstd, told by their first bytes, unpacked a bounded piece at a time."""

import zlib
from collections.abc import Iterable, Iterator

from loader.errors import FileError

_GZIP_MAGIC = b"\x1f\x8b"

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_GZIP_WINDOW = 31

_UNPACKED_BLOCK = 1 << 20

_ZSTD_BITE = 1 << 12


def compression_of(head: bytes, name: str) -> str | None:
    """By the first bytes or by the name: a file named .gz that is none must fail, not be taken for text."""
    lowered = name.lower()
    if head.startswith(_GZIP_MAGIC) or lowered.endswith(".gz"):
        return "gzip"
    if head.startswith(_ZSTD_MAGIC) or lowered.endswith(".zst"):
        return "zstd"
    return None


def unpacked(blocks: Iterable[bytes], compression: str | None) -> Iterator[bytes]:
    """The bytes without their compression."""
    if compression is None:
        return iter(blocks)
    return _gunzipped(blocks) if compression == "gzip" else _unzstd(blocks)


def _gunzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Every member of a gzip file; zlib checks each one's length and CRC. Padding of zeros after the last is
    allowed.
    """
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
        raise FileError(f"the gzip data is damaged ({error}); ask for the file again") from error
    if inside or not members:
        raise FileError("the gzip data ends too early; ask for the file again")


def _unzstd(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Every frame of a zstd file; a checksum is checked where the frame has one, its end always."""
    import zstandard

    frames = 0
    inside = False
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    try:
        for block in blocks:
            # Small bites: one bite's output is not bounded otherwise.
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
        raise FileError(f"the zstd data is damaged ({error}); ask for the file again") from error
    if inside or not frames:
        raise FileError("the zstd data ends too early; ask for the file again")
