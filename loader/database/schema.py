"""The raw tables: their columns, creation and migrations."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from loader.database.calls import call_dates
from loader.database.sql import literal, one_row, quoted
from loader.errors import CdrError
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
    "inode": "VARCHAR",
    "changed": "BIGINT",
    "version": "VARCHAR",
}

REDACTIONS_COLUMNS = {
    "record_hash": "VARCHAR",
    "is_theirs": "BOOLEAN",
    "origin_country": "VARCHAR",
    "destination_country": "VARCHAR",
    "number_type": "VARCHAR",
    "redacted_at": "TIMESTAMP",
}
# The key if the environment has none, and always a hash that verifies a key.
REDACTION_KEYS_COLUMNS = {"key": "VARCHAR", "proof": "VARCHAR"}

SCHEMA_VERSIONS_COLUMNS = {"version": "INTEGER", "cdr": "VARCHAR", "since": "TIMESTAMP"}

LINEAGE_COLUMNS = {"_file_id": "BIGINT", "_line": "BIGINT", "_extra": "VARCHAR"}

RAW_TABLES: dict[str, dict[str, str]] = {
    **{kind: {**dict.fromkeys(columns, "VARCHAR"), **LINEAGE_COLUMNS} for kind, columns in KINDS.items()},
    "files": FILES_COLUMNS,
    "rejected_records": REJECTED_COLUMNS,
    "looks": LOOKS_COLUMNS,
    "schema_versions": SCHEMA_VERSIONS_COLUMNS,
    "redactions": REDACTIONS_COLUMNS,
    "redaction_keys": REDACTION_KEYS_COLUMNS,
}

# Of the tables that are no sources of dbt, which comments on the others (macros/engine/raw_tables.sql). "" is
# the table itself.
COMMENTS: dict[str, dict[str, str]] = {
    "looks": {
        "": "One row per path: what it held at the last look. What is unchanged is not read again.",
        "path": "The path, or the object's address.",
        "size": "Size in bytes.",
        "modified": "Time of the last modification, in nanoseconds since 1970.",
        "checksum": "Of a member of an archive: its checksum there.",
        "options": "The options that change how a file is read.",
        "file_id": "The file that it is known as.",
        "seen_at": "Time of the look (UTC).",
        "inode": "The file's number on its disk.",
        "changed": "Time of the last change of the file's properties, in nanoseconds since 1970.",
        "version": "Of an object in object storage: its ETag.",
    },
    "schema_versions": {
        "": "One row per version of the raw tables that this database has had.",
        "version": "Number of the version.",
        "cdr": "The release of cdr-tables that migrated to it.",
        "since": "Time of the migration (UTC).",
    },
    "redactions": {
        "": "One row per record that was redacted, to redact it again when it returns.",
        "record_hash": "Keyed hash of the record as delivered.",
        "is_theirs": "Whether all its personal fields are redacted; otherwise Custom alone.",
        "origin_country": "Country of the caller's number before the redaction.",
        "destination_country": "Country of the callee's number before the redaction.",
        "number_type": "Type of the callee's number before the redaction.",
        "redacted_at": "Time of the redaction (UTC).",
    },
    "redaction_keys": {
        "": "One row: the key of the hashes in redactions.",
        "key": "The key; null where the environment has it (CDR_SUBJECT_KEY).",
        "proof": "A hash that shows whether a key is the right one.",
    },
}

_RANGES = "select file_id from raw_sinch.files where covers_from is not null"


def _reach_back_to_first_call(kind: str) -> str:
    return f"""
        update raw_sinch.files set covers_from = greatest(covers_from, first_call.day)
        from (
            select _file_id, min(day) as day
            from ({call_dates(f"raw_sinch.{kind}", f"_file_id in ({_RANGES})")})
            group by _file_id
        ) as first_call
        where file_id = first_call._file_id
    """


# Looks at objects in object storage had a table of their own.
REMOTE_OBJECTS = "remote_objects"


def move_remote_objects(source: str = "raw_sinch") -> str:
    """SQL: copies the looks at objects from the table of their own."""
    return f"""
        insert into raw_sinch.looks (path, version, size, modified, checksum, options, file_id, seen_at)
        select uri, etag, size, epoch(last_modified)::bigint * 1000000000, '', options, file_id, seen_at
        from {source}.{REMOTE_OBJECTS}
    """


# The statements that bring the raw tables from the version before to each version, besides absent tables: a
# change of the tables adds an entry. tests/loader/databases has a database of each release.
MIGRATIONS = {
    1: ("alter table raw_sinch.files add column if not exists covers_from date",),
    # In earlier versions a range of days in a name reached further back than the file's first call.
    2: tuple(_reach_back_to_first_call(kind) for kind in KINDS),
    3: (
        "alter table raw_sinch.looks add column if not exists inode varchar",
        "alter table raw_sinch.looks add column if not exists changed bigint",
    ),
    # Earlier versions would stage redacted records in clear again.
    4: (),
    5: (
        "alter table raw_sinch.looks add column if not exists version varchar",
        f"create table if not exists raw_sinch.{REMOTE_OBJECTS} (uri varchar, etag varchar, size bigint, "
        "last_modified timestamp, options varchar, file_id bigint, seen_at timestamp)",
        move_remote_objects(),
        f"drop table raw_sinch.{REMOTE_OBJECTS}",
    ),
}
SCHEMA_VERSION = max(MIGRATIONS)


def create_raw_schema(connection: "duckdb.DuckDBPyConnection") -> None:
    """Create absent raw tables and migrate those of an earlier version, in one transaction. They have no
    keys: indexes would cost memory and time with every file.
    """
    found = schema_version(connection)
    connection.begin()
    try:
        connection.execute("create schema if not exists raw_sinch")
        for table, columns in RAW_TABLES.items():
            listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
            connection.execute(f"create table if not exists raw_sinch.{table} ({listed})")
        for number in range(found + 1, SCHEMA_VERSION + 1):
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
        if found < SCHEMA_VERSION:
            connection.execute(
                "insert into raw_sinch.schema_versions values (?, ?, now() at time zone 'UTC')",
                [SCHEMA_VERSION, own_version()],
            )
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def comment_on_tables(connection: "duckdb.DuckDBPyConnection") -> None:
    """Comment on the raw tables that dbt does not comment on, where they have no comment yet."""
    uncommented = connection.execute(
        "select table_name from duckdb_tables() where database_name = current_database()"
        " and schema_name = 'raw_sinch' and comment is null and list_contains(?, table_name)",
        [list(COMMENTS)],
    )
    for (table,) in uncommented.fetchall():
        for column, text in COMMENTS[table].items():
            name = f"raw_sinch.{table}"
            place = f"column {name}.{quoted(column)}" if column else f"table {name}"
            connection.execute(f"comment on {place} is {literal(text)}")


def own_version() -> str:
    """Return the version of this package."""
    try:
        return version("cdr-tables")
    except PackageNotFoundError:
        return "not installed"


def schema_version(connection: "duckdb.DuckDBPyConnection") -> int:
    """Return the version of the database's raw tables; 0 for one from before versions."""
    import duckdb

    try:
        (found,) = one_row(connection, "select coalesce(max(version), 0) from raw_sinch.schema_versions")
    # Every connection asks: this takes a tenth of the time of has_table.
    except duckdb.CatalogException:
        return 0
    return int(found)


def check_not_newer(connection: "duckdb.DuckDBPyConnection", database: Path) -> None:
    """Raise CdrError for a database that a newer `cdr` has migrated."""
    found = schema_version(connection)
    if found <= SCHEMA_VERSION:
        return
    (theirs,) = one_row(connection, "select max_by(cdr, version) from raw_sinch.schema_versions")
    raise CdrError(
        f"{database} is of cdr-tables {theirs}, newer than this {own_version()} "
        f"(raw tables of version {found}, this one supports {SCHEMA_VERSION}); "
        "install that version or a newer one in the way this one was installed"
    )


def check_is_ours(
    connection: "duckdb.DuckDBPyConnection", catalogue: str, database: Path, *, writes: bool
) -> None:
    """Raise CdrError for a database that has a view in the place of one of cdr's tables, which could read
    anything; or, for a command that `writes` and so may reach files, that redefines functions.
    """
    tables = ", ".join(map(literal, [*RAW_TABLES, REMOTE_OBJECTS, "unfinished_purge"]))
    found = connection.execute(
        f"""
        select schema_name || '.' || view_name
        from duckdb_views()
        where database_name = ? and not internal and (
            (lower(schema_name) = 'raw_sinch' and lower(view_name) in ({tables}))
            or (lower(schema_name) = 'intermediate' and starts_with(lower(view_name), 'build_'))
        )
        order by 1
        """,
        [catalogue],
    ).fetchone()
    if found:
        raise CdrError(
            f"in {database} {found[0]} is a view, not a table, so something other than cdr created it; "
            "use a database of your own"
        )
    functions = "select function_name from duckdb_functions() where database_name = ?"
    if writes and (own := connection.execute(functions, [catalogue]).fetchall()):
        known = set(connection.execute(functions, ["system"]).fetchall())
        if names := ", ".join(sorted(name for (name,) in known & set(own))):
            raise CdrError(f"{database} redefines functions of DuckDB ({names}); use a database of your own")


_noted: "WeakKeyDictionary[duckdb.DuckDBPyConnection, frozenset[tuple[str, str]]]" = WeakKeyDictionary()


def note_tables(connection: "duckdb.DuckDBPyConnection") -> None:
    """Read the names of all tables and views at once, for a connection that cannot change them."""
    found = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = current_database()"
    ).fetchall()
    _noted[connection] = frozenset(found)


def has_table(connection: "duckdb.DuckDBPyConnection", schema: str, table: str) -> bool:
    """Whether the database has the table or view."""
    noted = _noted.get(connection)
    if noted is not None:
        return (schema, table) in noted
    return (
        connection.execute(
            "select 1 from information_schema.tables where table_catalog = current_database() "
            "and table_schema = ? and table_name = ?",
            [schema, table],
        ).fetchone()
        is not None
    )
