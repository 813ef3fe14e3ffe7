"""What bytes that are no delimited text look like."""

from loader.errors import FileError

_SIGNATURES = (
    (b"%PDF", "a PDF", "ask for the records as semicolon-delimited text"),
    (b"\xd0\xcf\x11\xe0", "an Office document (.xls, .doc)", "save it as semicolon-delimited text"),
    (b"\x89PNG", "a picture (PNG)", ""),
    (b"\xff\xd8\xff", "a picture (JPEG)", ""),
    (b"GIF8", "a picture (GIF)", ""),
    (b"PAR1", "a Parquet file", "ask for the records as semicolon-delimited text"),
    (b"SQLite format 3\0", "an SQLite database", ""),
    (b"\x7fELF", "a program", ""),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"BZh", "a bzip2 file", "unpack it first"),
    (b"\xfd7zXZ\0", "an xz file", "unpack it first"),
    (b"\x1f\x9d", "a compressed file (.Z)", "unpack it first"),
)
_LOOK = 4096
_SEPARATORS_OF_A_RECORD = 5
# Bytes of a zip archive before its first name.
_ZIP_HEADER = 30


class NotText(FileError):
    """Content of another kind; `what` says of which."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"it looks like {what}" + (f"; {remedy}" if remedy else ", not like call records"))
        self.what = what


def check_signature(head: bytes, name: str, encoding: str | None) -> None:
    """Raises NotText for bytes that are known to be something else than text, FileError for a text in an
    encoding that has to be named.
    """
    # Any letters may be those of a CallId.
    if head[:_LOOK].split(b"\n", 1)[0].count(b";") < _SEPARATORS_OF_A_RECORD:
        for mark, what, remedy in _SIGNATURES:
            if head.startswith(mark):
                raise NotText(what, remedy)
    if head.startswith(b"PK\x03\x04") and len(head) >= _ZIP_HEADER:
        spreadsheet = name.lower().endswith((".xlsx", ".xlsm", ".ods"))
        if spreadsheet or b"[Content_Types].xml" in head or b"xl/" in head:
            raise NotText("a spreadsheet (.xlsx)", "save it as semicolon-delimited text")
        raise NotText("a zip archive", "unpack it, or give it the ending .zip")
    if head[257:262] == b"ustar":
        raise NotText("a tar archive", "unpack it first")
    start = head[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise NotText("a web page or XML", "")
    if encoding is None and (codec := _wide_codec(head[:_LOOK])):
        raise FileError(
            f"it looks like {codec.upper()} without a byte order mark; stage it with --encoding {codec}"
        )


def _wide_codec(head: bytes) -> str | None:
    """The encoding of a text most of whose characters take two or four bytes, by where its zeros are."""
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
