"""Names and strings in SQL text."""


def quoted(identifier: str) -> str:
    """Quote an identifier for SQL text."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string for SQL text, where a statement takes no parameter."""
    return "'" + text.replace("'", "''") + "'"
