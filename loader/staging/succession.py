"""Succession: which earlier files a loaded file supersedes, by the calls that they share."""

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
from loader.text import counted

if TYPE_CHECKING:
    import duckdb


@dataclass
class Records:
    """The raw tables. Those of a dry run are temporary and lack the records staged before, which are read
    from the database itself.
    """

    dry_run: bool = False
    # Of a dry run: the database with the records staged before, if there is one.
    database: Path | None = None
    # Seconds to wait for its lock.
    wait: float = 0
    # The folded names of several deliveries in this run: a dry run keeps their records.
    repeated: frozenset[str] = frozenset()
    _is_attached: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def shared_calls(
        self, connection: "duckdb.DuckDBPyConnection", pairs: list[tuple[File, File]]
    ) -> dict[tuple[int, int], int]:
        """Count the older file's records of calls that the newer one has, by (newer id, older id)."""
        by_kind: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for newer, older in pairs:
            by_kind[str(older.kind)].append((newer.file_id, older.file_id))
        found: dict[tuple[int, int], int] = {}
        for kind, of_kind in by_kind.items():
            found |= shared_calls(connection, self.tables(connection, kind), of_kind)
        return found

    def forget(self, connection: "duckdb.DuckDBPyConnection", files: list[File]) -> None:
        """Delete a dry run's records of files that no later delivery is compared with."""
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
        """Return the tables with the records of a kind.

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


# More files are given as a number.
_NAMED_FILES = 5


def succeed(
    connection: "duckdb.DuckDBPyConnection",
    records: Records,
    versions: Versions,
    files: list[File],
    results: list[LoadResult],
) -> list[Change]:
    """Return the changes that make loaded files current, with messages about the files that each supersedes
    or coexists with. The files do not depend on each other.

    Raises FileError if no record of a file was staged although the current version has records.
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
        remarks.append(f"{counted(headers, 'repeated header')} passed over")
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
        lacking = f"; it lacks {change.lacking:,} of them" if change.lacking else ""
        remarks.insert(0, f"supersedes {_listed(replaced)} ({_records(replaced):,} records){lacking}")
    file.message = cut("; ".join(remarks))
    return change


def _remark_on_day(file: File) -> str:
    """Return a remark on a missing or future day, with the remedy."""
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
    """Return `file 1` or `files 1, 2 and 3`."""
    words = [f"{file.file_id} ({file.file_name})" if named else str(file.file_id) for file in files]
    if len(words) == 1:
        return f"file {words[0]}"
    if len(words) > _NAMED_FILES:
        words = [*words[: _NAMED_FILES - 1], f"{len(words) - _NAMED_FILES + 1} more"]
    return f"files {', '.join(words[:-1])} and {words[-1]}"
