"""Names and strings in SQL text, and queries of one row."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


def quoted(identifier: str) -> str:
    """Quote an identifier for SQL text."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string for SQL text, where a statement takes no parameter."""
    return "'" + text.replace("'", "''") + "'"


def one_row(
    connection: "duckdb.DuckDBPyConnection", query: str, parameters: object = None
) -> tuple[Any, ...]:
    """The row of a query that always has one, such as a count."""
    row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row
