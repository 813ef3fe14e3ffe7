"""The two ways in which things go wrong: for the whole command, or for one file."""


class CdrError(Exception):
    """Stops the command: one line that says what, where, and what to do about it. Exit code 2."""


class FileError(Exception):
    """Fails one delivered file, never the others; the text becomes the file's message in the manifest."""
