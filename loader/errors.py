"""The two ways in which things go wrong, for the whole command or for one file; text that is safe to show."""


class CdrError(Exception):
    """Stops the command: one line that says what, where, and what to do about it. Exit code 2."""


class FileError(Exception):
    """Fails one delivered file, never the others; the text becomes the file's message in the manifest."""


def printable(text: str, *, kept: str = "") -> str:
    """Spell out the control and direction characters of a text but those in `kept`, so that a terminal
    interprets nothing.
    """
    return "".join(c if c.isprintable() or c in kept else _spelled(c) for c in text)


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
