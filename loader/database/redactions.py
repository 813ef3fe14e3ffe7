"""Redaction: erases the personal fields of records, and again when the same records are delivered again.

A redacted record keeps its file and line. Its `_extra` holds a keyed hash of the original, which
distinguishes it from other records of its call, and what was derived from its numbers. The table
raw_sinch.redactions keeps both, so that the same record delivered again is redacted again.
"""

import hashlib
import os
import secrets
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from loader.database.manifest import MARK, find, now, without_mark
from loader.database.sql import literal, one_row, quoted
from loader.errors import CdrError
from loader.feeds import KINDS, PERSONAL

if TYPE_CHECKING:
    import duckdb

REDACTED = "****"
KEY_VARIABLE = "CDR_SUBJECT_KEY"


@dataclass(frozen=True)
class Redaction:
    """A record to redact: all personal fields if the record is the person's, otherwise Custom alone."""

    file_id: int
    line: int
    is_theirs: bool
    origin_country: str | None
    destination_country: str | None
    number_type: str | None


def redaction_key(connection: "duckdb.DuckDBPyConnection") -> str:
    """Return the key of the hashes: from the environment, or created once and kept in the database.

    Raises CdrError when earlier redactions were hashed with another key.
    """
    row = connection.execute("select key, proof from raw_sinch.redaction_keys").fetchone()
    given = os.environ.get(KEY_VARIABLE)
    if row is None:
        made = given or secrets.token_hex(32)
        connection.execute(
            "insert into raw_sinch.redaction_keys values (?, ?)", [None if given else made, _proof(made)]
        )
        return made
    kept, proof = row
    key = kept or given
    if key is None or _proof(key) != proof:
        raise CdrError(
            f"{KEY_VARIABLE} is not the key that records of this database were redacted with; set it to that"
        )
    return str(key)


def redact(connection: "duckdb.DuckDBPyConnection", kind: str, chosen: list[Redaction], key: str) -> None:
    """Erase the identifying fields of records, and remember their hashes."""
    if not chosen:
        return
    connection.execute(
        "create or replace temp table chosen_records "
        "(file_id bigint, line bigint, is_theirs boolean, origin_country varchar, "
        "destination_country varchar, number_type varchar, record_hash varchar)"
    )
    connection.executemany(
        "insert into chosen_records values (?, ?, ?, ?, ?, ?, null)", [astuple(each) for each in chosen]
    )
    connection.execute(
        f"""
        update chosen_records set record_hash = {record_hash(kind, key)}
        from raw_sinch.{kind} as raw
        where raw._file_id = chosen_records.file_id and raw._line = chosen_records.line
        """
    )
    connection.execute(
        """
        insert into raw_sinch.redactions
        select distinct on (record_hash)
            record_hash, is_theirs, origin_country, destination_country, number_type, now() at time zone 'UTC'
        from chosen_records
        where record_hash not in (select record_hash from raw_sinch.redactions)
        order by record_hash, origin_country nulls last, destination_country nulls last
        """
    )
    _overwrite(connection, kind)
    _mark(connection, sorted({each.file_id for each in chosen}))


def redact_rejects(connection: "duckdb.DuckDBPyConnection", lines: list[tuple[int, int]], key: str) -> None:
    """Erase the raw text of rejected lines, by file and line, and remember their hashes."""
    for file_id, line in lines:
        where = "file_id = ? and line = ?"
        connection.execute(
            "insert into raw_sinch.redactions "
            f"select {_keyed('raw', key)}, false, null, null, null, now() at time zone 'UTC' "
            f"from raw_sinch.rejected_records where {where}",
            [file_id, line],
        )
        connection.execute(
            f"update raw_sinch.rejected_records set raw = '{REDACTED}' where {where}", [file_id, line]
        )
    _mark(connection, sorted({file_id for file_id, _ in lines}))


def redact_again(connection: "duckdb.DuckDBPyConnection", kind: str, file_ids: list[int]) -> set[int]:
    """Redact what was redacted before and is delivered again in files being staged; return the files.

    Raises CdrError where the key of the earlier redactions is not known.
    """
    (known,) = one_row(connection, "select count(*) from raw_sinch.redactions")
    if not known:
        return set()
    key = redaction_key(connection)
    connection.execute(
        f"""
        create or replace temp table chosen_records as
        select raw._file_id as file_id, raw._line as line, redactions.is_theirs, redactions.origin_country,
            redactions.destination_country, redactions.number_type, redactions.record_hash
        from (
            select _file_id, _line, {record_hash(kind, key)} as record_hash
            from raw_sinch.{kind} as raw where _file_id in (select unnest(?))
        ) as raw
        inner join raw_sinch.redactions as redactions using (record_hash)
        """,
        [file_ids],
    )
    _overwrite(connection, kind)
    rejected = connection.execute(
        f"""
        update raw_sinch.rejected_records set raw = '{REDACTED}'
        where file_id in (select unnest(?))
            and {_keyed("raw", key)} in (select record_hash from raw_sinch.redactions)
        returning file_id
        """,
        [file_ids],
    ).fetchall()
    chosen = connection.execute("select distinct file_id from chosen_records").fetchall()
    return {file_id for (file_id,) in [*chosen, *rejected]}


def record_hash(kind: str, key: str) -> str:
    """Return SQL for the keyed hash of a raw record of a kind, in a table named `raw`."""
    fields = ", ".join(f"coalesce(raw.{quoted(name)}, '')" for name in KINDS[kind])
    return _keyed(f"concat_ws(chr(31), '{kind}', {fields})", key)


def _overwrite(connection: "duckdb.DuckDBPyConnection", kind: str) -> None:
    """Erase the fields of the records in the table chosen_records."""
    assignments = [
        f"{quoted(name)} = case when coalesce({quoted(name)}, '') <> ''"
        f"{'' if name == 'Custom' else ' and chosen.is_theirs'} then '{REDACTED}' else {quoted(name)} end"
        for name in PERSONAL
        if name in KINDS[kind]
    ]
    connection.execute(
        f"""
        update raw_sinch.{kind} as raw
        set {", ".join(assignments)},
            _extra = cast(to_json({{
                '_redacted': chosen.record_hash,
                '_origin_country': chosen.origin_country,
                '_destination_country': chosen.destination_country,
                '_number_type': chosen.number_type
            }}) as varchar)
        from chosen_records as chosen
        where raw._file_id = chosen.file_id and raw._line = chosen.line
        """
    )


def marked(message: str) -> str:
    """Return a file's message with the mark of a redaction made now; the next build follows it."""
    mark = f"{MARK}{now():%Y-%m-%d %H:%M:%S.%f}"
    return "; ".join(part for part in (mark, without_mark(message)) if part)


def _mark(connection: "duckdb.DuckDBPyConnection", file_ids: list[int]) -> None:
    for file in find(connection, "file_id in (select unnest(?))", [file_ids]):
        connection.execute(
            "update raw_sinch.files set message = ? where file_id = ?", [marked(file.message), file.file_id]
        )


def _keyed(text: str, key: str) -> str:
    """Return SQL for a text hashed with the key, twice, as in macros/engine/hashing.sql."""
    secret = literal(key)
    return f"sha256({secret} || '|' || sha256({secret} || '|' || {text}))"


def _proof(key: str) -> str:
    return hashlib.sha256(f"{key}|redactions".encode()).hexdigest()
