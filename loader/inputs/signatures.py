"""Signatures: detects content that is not delimited text from its first bytes."""

from loader.errors import FileError

_UNPACK = "unpack it first"
_SIGNATURES = (
    (b"%PDF", "a PDF", "ask for the records as semicolon-delimited text"),
    (b"\xd0\xcf\x11\xe0", "an Office document (.xls, .doc)", "save it as semicolon-delimited text"),
    (b"\x89PNG", "a picture (PNG)", ""),
    (b"\xff\xd8\xff", "a picture (JPEG)", ""),
    (b"GIF8", "a picture (GIF)", ""),
    (b"PAR1", "a Parquet file", "ask for the records as semicolon-delimited text"),
    (b"SQLite format 3\0", "an SQLite database", ""),
    (b"\x7fELF", "a program", ""),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"BZh", "a bzip2 file", _UNPACK),
    (b"\xfd7zXZ\0", "an xz file", _UNPACK),
    (b"\x1f\x9d", "a compressed file (.Z)", _UNPACK),
)
_LOOK = 4096
_SEPARATORS_OF_A_RECORD = 5
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# A text has at most one control character in this many bytes.
_CONTROLS = bytes({*range(32)} - set(b"\t\n\v\f\r\x1a\x1b"))
_BYTES_PER_CONTROL = 50


class NotText(FileError):
    """Content that is not text: `what` it is, and whether it `may_hold_records` and so is not ignored."""

    def __init__(self, what: str, remedy: str, may_hold_records: bool = False) -> None:
        super().__init__(f"it looks like {what}" + (f"; {remedy}" if remedy else ", not like call records"))
        self.what = what
        self.may_hold_records = may_hold_records or remedy == _UNPACK


class ZipArchive(FileError):
    """A zip archive, under any name."""


def is_zip(head: bytes) -> bool:
    """Whether a zip archive begins with these bytes."""
    return head.startswith(_ZIP_MAGICS)


def is_text(head: bytes) -> bool:
    """Whether a text in any encoding begins with these bytes."""
    look = head[:_LOOK]
    if look.startswith((b"\xff\xfe", b"\xfe\xff")) or _wide_codec(look):
        return True
    controls = len(look) - len(look.translate(None, _CONTROLS))
    return bool(look) and controls * _BYTES_PER_CONTROL <= len(look)


def is_known(head: bytes) -> bool:
    """Whether a known format begins with these bytes that is neither text nor gzip or zstd."""
    return is_zip(head) or _is_tar(head) or any(head.startswith(mark) for mark, *_ in _SIGNATURES)


def check_signature(head: bytes, encoding: str | None, compressed: bool, promised: bool) -> None:
    """Raise ZipArchive for one that is not compressed again, NotText for other known formats, FileError for a
    text in an encoding that has to be named. `promised`: the name is that of a compressed file.
    """
    # Not for a line with separators: its first letters may be those of a CallId.
    if head[:_LOOK].split(b"\n", 1)[0].count(b";") < _SEPARATORS_OF_A_RECORD:
        for mark, what, remedy in _SIGNATURES:
            if head.startswith(mark):
                raise NotText(what, remedy, promised)
    if is_zip(head) and not compressed:
        raise ZipArchive("it is a zip archive")
    if is_zip(head):
        raise NotText("a zip archive inside an archive", _UNPACK)
    if _is_tar(head):
        raise NotText("a tar archive", _UNPACK)
    start = head[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise NotText("a web page or XML", "", promised)
    if encoding is None and (codec := _wide_codec(head[:_LOOK])):
        raise FileError(
            f"it looks like {codec.upper()} without a byte order mark; stage it with --encoding {codec}"
        )


def check_members(names: list[str]) -> None:
    """Raise NotText for an archive whose members are the parts of one document."""
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise NotText("a spreadsheet (.xlsx)", "save it as semicolon-delimited text")


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _wide_codec(head: bytes) -> str | None:
    """Detect an encoding with two or four bytes a character by the places of its zeros."""
    size = len(head) // 4 * 4
    if size < 16:
        return None
    zeros = [head[at:size:4].count(0) * 4 / size for at in range(4)]
    for codec, expected in (
        ("utf-32-le", (0, 1, 1, 1)),
        ("utf-32-be", (1, 1, 1, 0)),
        ("utf-16-le", (0, 1, 0, 1)),
        ("utf-16-be", (1, 0, 1, 0)),
    ):
        if all(share > 0.7 if zero else share < 0.3 for share, zero in zip(zeros, expected, strict=True)):
            return codec
    return None
