"""The raw tables: their columns, made where they are absent."""

from typing import TYPE_CHECKING

from loader.database.sql import quoted
from loader.feeds import KINDS

if TYPE_CHECKING:
    import duckdb


FILES_COLUMNS = {
    "file_id": "BIGINT",
    "file_name": "VARCHAR",
    "path": "VARCHAR",
    "kind": "VARCHAR",
    "file_date": "DATE",
    "sha256": "VARCHAR",
    "bytes": "BIGINT",
    "header": "VARCHAR",
    "records": "BIGINT",
    "staged": "BIGINT",
    "rejected": "BIGINT",
    "state": "VARCHAR",
    "message": "VARCHAR",
    "loaded_at": "TIMESTAMP",
    "state_changed_at": "TIMESTAMP",
    "content_bytes": "BIGINT",
    "accounted_bytes": "BIGINT",
    "content_lines": "BIGINT",
    "accounted_lines": "BIGINT",
    "covers_from": "DATE",
}

REJECTED_COLUMNS = {
    "file_id": "BIGINT",
    "line": "BIGINT",
    "raw": "VARCHAR",
    "reason_code": "VARCHAR",
    "detail": "VARCHAR",
}

LOOKS_COLUMNS = {
    "path": "VARCHAR",
    "size": "BIGINT",
    "modified": "BIGINT",
    "checksum": "VARCHAR",
    "options": "VARCHAR",
    "file_id": "BIGINT",
    "seen_at": "TIMESTAMP",
}

REMOTE_OBJECTS_COLUMNS = {
    "uri": "VARCHAR",
    "etag": "VARCHAR",
    "size": "BIGINT",
    "last_modified": "TIMESTAMP",
    "sha256": "VARCHAR",
    "options": "VARCHAR",
    "file_id": "BIGINT",
    "seen_at": "TIMESTAMP",
}

LINEAGE_COLUMNS = {"_file_id": "BIGINT", "_line": "BIGINT", "_extra": "VARCHAR"}

RAW_TABLES: dict[str, dict[str, str]] = {
    **{kind: {**dict.fromkeys(columns, "VARCHAR"), **LINEAGE_COLUMNS} for kind, columns in KINDS.items()},
    "files": FILES_COLUMNS,
    "rejected_records": REJECTED_COLUMNS,
    "looks": LOOKS_COLUMNS,
    "remote_objects": REMOTE_OBJECTS_COLUMNS,
}


def create_raw_schema(connection: "duckdb.DuckDBPyConnection") -> None:
    """Makes the raw tables that are absent, and the columns that a database of an earlier version lacks. No
    keys: their indexes would cost memory and time with every file.
    """
    connection.execute("create schema if not exists raw_sinch")
    for table, columns in RAW_TABLES.items():
        listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
        connection.execute(f"create table if not exists raw_sinch.{table} ({listed})")
    connection.execute("alter table raw_sinch.files add column if not exists covers_from date")


def has_table(connection: "duckdb.DuckDBPyConnection", schema: str, table: str) -> bool:
    """Whether the database has the table or view."""
    return (
        connection.execute(
            "select 1 from information_schema.tables where table_catalog = current_database() "
            "and table_schema = ? and table_name = ?",
            [schema, table],
        ).fetchone()
        is not None
    )
