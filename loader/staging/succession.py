"""Compares loaded files with the records staged before: which contents they replace."""

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.calls import shared_calls
from loader.database.connection import retried
from loader.database.manifest import File, latest_day, now
from loader.database.redactions import marked, redact_again
from loader.database.sql import literal
from loader.errors import FileError
from loader.parsing.layout import cut
from loader.staging.strategies import LoadResult
from loader.staging.versioning import Change, Versions, folded

if TYPE_CHECKING:
    import duckdb


@dataclass
class Records:
    """The raw tables. Those of a dry run are throw-away ones without the records staged before: where these
    are asked for, they are read in the database itself.
    """

    dry_run: bool = False
    # Of a dry run: where the records staged before are, if there are any.
    database: Path | None = None
    # How many seconds it waits for its lock.
    wait: float = 0
    # The names, as `folded`, of which this look has more than one delivery: a dry run keeps their records.
    repeated: frozenset[str] = frozenset()
    _is_attached: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def shared_calls(
        self, connection: "duckdb.DuckDBPyConnection", pairs: list[tuple[File, File]]
    ) -> dict[tuple[int, int], int]:
        """How many records of the older of two files are of calls that the newer one has, by their ids."""
        by_kind: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for newer, older in pairs:
            by_kind[str(older.kind)].append((newer.file_id, older.file_id))
        found: dict[tuple[int, int], int] = {}
        for kind, of_kind in by_kind.items():
            found |= shared_calls(connection, self.tables(connection, kind), of_kind)
        return found

    def forget(self, connection: "duckdb.DuckDBPyConnection", files: list[File]) -> None:
        """Deletes what a dry run has loaded of files that nothing in this look has to be compared with."""
        if self.dry_run:
            for kind in {str(file.kind) for file in files if file.staged}:
                of_kind = [
                    file.file_id
                    for file in files
                    if file.kind == kind and folded(file.file_name) not in self.repeated
                ]
                connection.execute(
                    f"delete from raw_sinch.{kind} where _file_id in (select unnest(?::bigint[]))", [of_kind]
                )

    def tables(self, connection: "duckdb.DuckDBPyConnection", kind: str) -> list[str]:
        """Where the records of a kind are.

        Raises CdrError where the database of a dry run cannot be read.
        """
        own = f"raw_sinch.{kind}"
        if self.database is None:
            return [own]
        attach = f"attach {literal(str(self.database))} as real (read_only)"
        with self._lock:
            if not self._is_attached:
                retried(self.database, self.wait, lambda: connection.execute(attach))
                self._is_attached = True
        return [own, f"real.{own}"]


# Of more files the number is given.
_NAMED_FILES = 5


def succeed(
    connection: "duckdb.DuckDBPyConnection",
    records: Records,
    versions: Versions,
    files: list[File],
    results: list[LoadResult],
) -> list[Change]:
    """The changes that make loaded files current, with a word about what each replaces or stands beside. The
    files do not depend on each other.

    Raises FileError where nothing of one could be staged although what is current has records.
    """
    rivals = [versions.rivals(file) for file in files]
    pairs = [
        (file, rival)
        for file, all_rivals in zip(files, rivals, strict=True)
        for rival in all_rivals
        if file.staged and rival.staged and rival.name_key == file.name_key
    ]
    shared = records.shared_calls(connection, pairs) if pairs else {}
    changes = [
        _change(versions.change(file), result, all_rivals, shared)
        for file, result, all_rivals in zip(files, results, rivals, strict=True)
    ]
    _redact_again(connection, [change.file for change in changes])
    return changes


def _redact_again(connection: "duckdb.DuckDBPyConnection", files: list[File]) -> None:
    by_kind: dict[str, list[int]] = defaultdict(list)
    for file in files:
        if file.kind and file.records:
            by_kind[file.kind].append(file.file_id)
    redacted = {
        file_id for kind, file_ids in by_kind.items() for file_id in redact_again(connection, kind, file_ids)
    }
    for file in files:
        if file.file_id in redacted:
            file.message = cut(marked(file.message))


def _change(
    change: Change, result: LoadResult, all_rivals: list[File], shared: dict[tuple[int, int], int]
) -> Change:
    file = change.file
    rivals = [rival for rival in all_rivals if rival.name_key == file.name_key]
    others = [rival for rival in all_rivals if rival.name_key != file.name_key]
    remarks = [remark for remark in (_remark_on_day(file), file.message) if remark]
    if headers := result.totals.repeated.lines:
        remarks.append(f"{headers} repeated header{'s' if headers > 1 else ''} passed over")
    if result.odd_width and not file.staged and file.records:
        remarks.append(result.odd_width)
    full = [rival for rival in rivals if rival.staged]
    if full and not file.staged:
        why = "; ".join(remarks) or "no records"
        has, stays, they = ("has", "stays", "it") if len(full) == 1 else ("have", "stay", "they")
        raise FileError(
            f"none of it can be staged ({why}), while {_listed(full)} {has} {_records(full):,} records and "
            f"{stays} current; withdraw {_listed(full)} if {they} should not"
        )
    common = {rival.file_id: shared.get((file.file_id, rival.file_id), 0) for rival in full}
    beside = [rival for rival in full if not common[rival.file_id]]
    replaced = [rival for rival in full if common[rival.file_id]]
    change.superseded = [rival for rival in rivals if common.get(rival.file_id) != 0]
    change.lacking = _records(replaced) - sum(common.values())
    if others:
        remarks.insert(0, f"differs in case alone from {_listed(others, named=True)}: another delivery")
    if beside:
        remarks.insert(
            0, f"shares no call with {_listed(beside)} of its name: all count, unless you withdraw one"
        )
    if replaced:
        lacking = f", {change.lacking:,} of which it lacks" if change.lacking else ""
        remarks.insert(0, f"supersedes {_listed(replaced)} ({_records(replaced):,} records){lacking}")
    file.message = cut("; ".join(remarks))
    return change


def _remark_on_day(file: File) -> str:
    """What is wrong with a file's day, and how to put it right."""
    if file.kind and file.file_date is None:
        remedy = "withdraw it and stage it" if file.records else "stage it"
        return f"its day is not known, by its name or by CallTime; {remedy} with --file-date"
    if file.file_date and file.file_date > latest_day(now()):
        return (
            f"{file.file_date} is in the future, so it counts for no day of the feed; "
            "if the year is mistyped, withdraw it and stage it with --file-date"
        )
    return ""


def _records(files: list[File]) -> int:
    return sum(file.staged for file in files)


def _listed(files: list[File], *, named: bool = False) -> str:
    """As `file 1` or `files 1, 2 and 3`."""
    words = [f"{file.file_id} ({file.file_name})" if named else str(file.file_id) for file in files]
    if len(words) == 1:
        return f"file {words[0]}"
    if len(words) > _NAMED_FILES:
        words = [*words[: _NAMED_FILES - 1], f"{len(words) - _NAMED_FILES + 1} more"]
    return f"files {', '.join(words[:-1])} and {words[-1]}"
