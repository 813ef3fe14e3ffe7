"""One person's records: counted, written out as delivered, or redacted for good."""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import opened, transaction
from loader.database.redactions import Redaction, redact, redact_rejects, redaction_key
from loader.database.schema import has_table
from loader.database.space import UNFINISHED_PURGE, blocks
from loader.database.sql import one_row, quoted
from loader.errors import CdrError
from loader.feeds import KINDS, PARTIES

if TYPE_CHECKING:
    import duckdb

# The person's number in a field: in `Name <+46…>`, `tel:` and `sip:` forms, with separators, with 00 for +.
_NUMBER = """
    regexp_replace(
        regexp_replace(
            split_part(split_part({unescaped}, '@', 1), ';', 1), '[-.() +]', '', 'g'
        ),
        '^00', ''
    )
"""
_UNESCAPED = "regexp_replace(replace({inner}, '%2B', '+'), '^\\s*(sips?|tel):', '', 'i')"
_INNER = "coalesce(nullif(regexp_extract({field}, '<([^>]*)>', 1), ''), {field})"
# The user of a SIP URI.
_USER = "split_part(regexp_replace({inner}, '^\\s*sips?:', '', 'i'), '@', 1)"


@dataclass(frozen=True)
class Subject:
    """A person, by number or user id."""

    text: str

    @property
    def digits(self) -> str | None:
        """The number without its sign and separators; None where the id is not one of 7 to 15 digits."""
        digits = re.sub(r"[-.() +]", "", self.text)
        digits = digits.removeprefix("00")
        return digits if digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15 else None

    @property
    def mention(self) -> str:
        """A pattern that finds the person in free text, as a word of its own."""
        words = [re.escape(self.text.strip())]
        if self.digits:
            words.append(rf"\+?(?:00)?{self.digits}")
        return rf"(^|[^0-9A-Za-z])({'|'.join(words)})($|[^0-9A-Za-z])"

    @property
    def parameters(self) -> dict[str, str | None]:
        """Values for the placeholders of `is_theirs` and `mentions`."""
        return {"text": self.text.strip(), "digits": self.digits, "mention": self.mention}


@dataclass(frozen=True)
class Found:
    """How many records are the person's, how many mention them in Custom or unknown columns alone, and how
    many rejected lines mention them.
    """

    records: int
    mentions: int
    rejects: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.records + self.mentions + self.rejects


@dataclass(frozen=True)
class Erased:
    """What was redacted, and what remains: fields of any table that name the person, and free blocks of the
    file, which may contain old content.
    """

    found: Found
    left: int
    old_blocks: int
    build_passed: bool

    @property
    def complete(self) -> bool:
        """Whether nothing of the person remains."""
        return self.build_passed and not (self.left or self.old_blocks)


def find(connection: "duckdb.DuckDBPyConnection", subject: Subject) -> Found:
    """Count the person's records and mentions in the raw tables and the quarantine."""
    records = mentions = 0
    for kind in KINDS:
        theirs, mentioned = _count(
            connection,
            f"select count(*) filter ({is_theirs(kind)}), "
            f"count(*) filter (not ({is_theirs(kind)}) and ({mentions_them()})) from raw_sinch.{kind}",
            subject,
        )
        records, mentions = records + theirs, mentions + mentioned
    (rejects,) = _count(
        connection,
        "select count(*) from raw_sinch.rejected_records where regexp_matches(raw, $mention)",
        subject,
    )
    return Found(records, mentions, rejects)


def write_out(connection: "duckdb.DuckDBPyConnection", subject: Subject, out: Path) -> Found:
    """Write every record of the person as delivered, with file and line: one semicolon-separated file (UTF-8)
    with the columns of all kinds; of rejected lines the raw text.

    Raises CdrError when `out` exists or cannot be written.
    """
    names = list(dict.fromkeys(name for columns in KINDS.values() for name in columns))
    columns = ["file_id", "file_name", "file_date", "state", "line", "kind", *names, "_extra", "raw"]
    parts = []
    for kind, own in KINDS.items():
        fields = ", ".join(quoted(name) if name in own else f"null as {quoted(name)}" for name in names)
        parts.append(
            f"select _file_id as file_id, _line as line, {fields}, _extra, null as raw "
            f"from raw_sinch.{kind} where {is_theirs(kind)} or {mentions_them()}"
        )
    absent = ", ".join(f"null as {quoted(name)}" for name in names)
    parts.append(
        f"select file_id, line, {absent}, null as _extra, raw "
        "from raw_sinch.rejected_records where regexp_matches(raw, $mention)"
    )
    chosen = ", ".join(f"records.{quoted(name)}" for name in [*names, "_extra", "raw"])
    cursor = connection.execute(
        "select files.file_id, files.file_name, files.file_date, files.state, records.line, files.kind, "
        f"{chosen} from ({' union all '.join(parts)}) as records "
        "join raw_sinch.files as files using (file_id) order by files.file_id, records.line",
        subject.parameters,
    )
    try:
        with out.open("x", encoding="utf-8", newline="") as target:
            writer = csv.writer(target, delimiter=";", lineterminator="\n")
            writer.writerow(columns)
            while rows := cursor.fetchmany(1000):
                writer.writerows(rows)
    except FileExistsError as error:
        raise CdrError(f"{out} exists already; name another file") from error
    except OSError as error:
        raise CdrError(f"cannot write {out} ({error.strerror}); name another file") from error
    return find(connection, subject)


def erase(
    database: Path,
    subject: Subject,
    *,
    wait: float = 0,
    progress: Callable[[int, int, str], None],
    stdout_to_stderr: bool = False,
) -> Erased:
    """Redact the person's records in the raw tables and the quarantine, build so that all tables follow, and
    rewrite the file without what was there. Countries and number types of the records are kept.

    Raises CdrError when a step cannot be done; the steps before it hold.
    """
    from loader.builds.build import build
    from loader.operations.compact import compact

    def built() -> bool:
        done = build(
            database,
            ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
            quiet=True,
            stdout_to_stderr=stdout_to_stderr,
            wait=wait,
            progress=progress,
        )
        return done.exit_code == 0

    # Redaction reads the countries of the records from the models.
    if not built():
        raise CdrError("the tables could not be built, nothing was redacted; run `cdr build` and try again")
    with opened(database, "write", wait) as connection:
        found = find(connection, subject)
        with transaction(connection):
            key = redaction_key(connection)
            for kind in KINDS:
                redact(connection, kind, _chosen(connection, kind, subject), key)
            redact_rejects(connection, _rejects(connection, subject), key)
            connection.execute(f"create table if not exists {UNFINISHED_PURGE} (begun_at timestamp)")
        connection.execute("checkpoint")
    passed = built()
    compact(database, wait)
    with opened(database, "read", wait) as connection:
        left = fields_that_name(connection, subject)
    return Erased(found, left, blocks(database).free, passed)


def fields_that_name(connection: "duckdb.DuckDBPyConnection", subject: Subject) -> int:
    """Count the texts in all tables of the database that name the person."""
    total = 0
    columns = connection.execute(
        "select schema_name, table_name, list(column_name) from duckdb_columns() "
        "where database_name = current_database() and data_type = 'VARCHAR' "
        "and (schema_name, table_name) in (select (schema_name, table_name) from duckdb_tables()) "
        "group by all order by all"
    ).fetchall()
    for schema, table, names in columns:
        counts = " + ".join(f"count(*) filter (regexp_matches({quoted(name)}, $mention))" for name in names)
        query = f"select {counts} from {quoted(schema)}.{quoted(table)}"
        (number,) = _count(connection, query, subject)
        total += number
    return total


def is_theirs(kind: str) -> str:
    """SQL: whether a raw record of a kind is the person's, as caller, callee or user."""
    parts = []
    for name in PARTIES:
        if name in KINDS[kind]:
            field = quoted(name)
            inner = _INNER.format(field=field)
            parts += [
                f"trim({field}) = $text",
                f"{_USER.format(inner=inner)} = $text",
                f"{_NUMBER.format(unescaped=_UNESCAPED.format(inner=inner))} = $digits",
            ]
    return f"coalesce({' or '.join(parts)}, false)"


def mentions_them() -> str:
    """SQL: whether a raw record mentions the person in Custom or in an unknown column."""
    return (
        'coalesce(regexp_matches("Custom", $mention), false) '
        "or coalesce(regexp_matches(_extra, $mention), false)"
    )


def _chosen(connection: "duckdb.DuckDBPyConnection", kind: str, subject: Subject) -> list[Redaction]:
    """The records of a kind to redact, with what was derived from their numbers."""
    located = has_table(connection, "intermediate", "int_calls__located")
    derived = (
        "left join (select file_id, source_line, origin_country, destination_country, number_type "
        "from intermediate.int_calls__located) as located "
        "on located.file_id = raw._file_id and located.source_line = raw._line"
        if located
        else "left join (select null as origin_country, null as destination_country, null as number_type) "
        "as located on false"
    )
    rows = connection.execute(
        f"""
        select raw._file_id, raw._line, {is_theirs(kind)},
            located.origin_country, located.destination_country, located.number_type
        from raw_sinch.{kind} as raw
        {derived}
        where {is_theirs(kind)} or {mentions_them()}
        """,
        subject.parameters,
    ).fetchall()
    return [Redaction(*row) for row in rows]


def _rejects(connection: "duckdb.DuckDBPyConnection", subject: Subject) -> list[tuple[int, int]]:
    return connection.execute(
        "select file_id, line from raw_sinch.rejected_records where regexp_matches(raw, $mention)",
        {"mention": subject.mention},
    ).fetchall()


def _count(connection: "duckdb.DuckDBPyConnection", query: str, subject: Subject) -> tuple[int, ...]:
    used = {name: value for name, value in subject.parameters.items() if f"${name}" in query}
    return tuple(int(value or 0) for value in one_row(connection, query, used))
