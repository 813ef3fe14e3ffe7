"""The two errors, for a whole command and for one file; text that is safe to show."""


class CdrError(Exception):
    """An error that ends the command with exit code 2: one line with what, where and what to do."""


class FileError(Exception):
    """An error of one delivered file, never of the others; its text is the file's message in the manifest."""


def printable(text: str, *, kept: str = "") -> str:
    """Escape control and direction characters, except those in `kept`: a terminal interprets none."""
    return "".join(c if c.isprintable() or c in kept else _spelled(c) for c in text)


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
