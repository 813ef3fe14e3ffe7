"""Names and strings in SQL text."""


def quoted(identifier: str) -> str:
    """An identifier for SQL text."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string for SQL text, where a statement takes no parameter."""
    return "'" + text.replace("'", "''") + "'"
