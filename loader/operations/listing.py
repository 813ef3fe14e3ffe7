"""The manifest and the quarantine, filtered, and a file's rejects as raw lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.database.manifest import File, State, find
from loader.database.schema import has_table
from loader.errors import CdrError
from loader.inputs.naming import base_name
from loader.operations.withdraw import resolve
from loader.parsing.records import original_bytes

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Filter:
    """Which files to list; None means all. `file` is an id, a name or a path."""

    file: str | None = None
    kind: str | None = None
    file_date: date | None = None
    state: str | None = None

    def condition(self) -> tuple[str, list[Any]]:
        """SQL over the columns of raw_sinch.files, with its parameters."""
        parts = ["true"]
        parameters: list[Any] = []
        if self.file is not None:
            path = Path(self.file).absolute()
            parts.append(
                "(cast(file_id as varchar) = ? "
                "or nfc_normalize(file_name) in (nfc_normalize(?), nfc_normalize(?)) "
                "or nfc_normalize(path) in (nfc_normalize(?), nfc_normalize(?)))"
            )
            parameters += [self.file, self.file, base_name(self.file)]
            parameters += [self.file, str(path.parent.resolve() / path.name)]
        for column, value in (("kind", self.kind), ("file_date", self.file_date), ("state", self.state)):
            if value is not None:
                parts.append(f"{column} = ?")
                parameters.append(value)
        return " and ".join(parts), parameters


def list_files(connection: "duckdb.DuckDBPyConnection", chosen: Filter) -> list[File]:
    """The delivered file versions that match, by file_id."""
    return find(connection, *chosen.condition())


@dataclass(frozen=True)
class Rejected:
    """A rejected record with the file it came in."""

    file_id: int
    file_name: str
    kind: str
    file_date: date | None
    state: str
    line: int
    stage: str
    reason_code: str
    detail: str
    raw: str


_LOADED = """
    select file_id, line, 'load' as stage, reason_code, detail, raw from raw_sinch.rejected_records
"""
# Staged, but without what identifies a call: found by the models, with the detail of marts.rejected_records.
_TYPED = """
    select
        file_id, source_line as line, 'typing' as stage, reason_code,
        replace(reason_code, '_', ' ') as detail, raw
    from intermediate.int_calls__unusable
    where file_id in (select file_id from raw_sinch.files where state = 'current')
"""


def list_rejects(connection: "duckdb.DuckDBPyConnection", chosen: Filter) -> Iterator[Rejected]:
    """The rejected records of the files that match, in their order: those that could not be staged, and those
    that the last build could not use.
    """
    condition, parameters = chosen.condition()
    built = has_table(connection, "intermediate", "int_calls__unusable")
    rejected = f"{_LOADED} union all {_TYPED}" if built else _LOADED
    cursor = connection.execute(
        "select file_id, files.file_name, files.kind, files.file_date, files.state, rejected.line, "
        "rejected.stage, rejected.reason_code, rejected.detail, rejected.raw "
        f"from ({rejected}) as rejected join raw_sinch.files as files using (file_id) "
        f"where {condition} order by file_id, line",
        parameters,
    )
    while rows := cursor.fetchmany(1000):
        yield from (Rejected(*row) for row in rows)


def write_rejects(connection: "duckdb.DuckDBPyConnection", chosen: Filter, out: Path) -> tuple[File, int]:
    """Write one file's rejected lines, below its header, as they were delivered (in UTF-8), to correct and
    stage them.

    Returns the file and the number of rejects. Raises CdrError when the filter does not match one file with
    rejects, or when `out` exists or cannot be written.
    """
    if chosen.file is None:
        raise CdrError("raw lines are written for one file; name it with --file")
    file = resolve(connection, chosen.file, tuple(State))
    rejects = [r for r in list_rejects(connection, Filter(str(file.file_id))) if r.stage == "load"]
    if not rejects:
        raise CdrError(f"file {file.file_id} ({file.file_name}) has no rejected records; nothing to write")
    try:
        with out.open("xb") as target:
            if file.header is not None:
                target.write(file.header.encode() + b"\n")
            for reject in rejects:
                target.write(original_bytes(reject.raw, reject.reason_code) + b"\n")
    except FileExistsError as error:
        raise CdrError(f"{out} exists already; name another file") from error
    except OSError as error:
        raise CdrError(f"cannot write {out} ({error.strerror}); name another file") from error
    return file, len(rejects)
