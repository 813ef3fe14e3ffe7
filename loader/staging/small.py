"""Small files, many in one transaction, which saves the fixed costs of each."""

import io
from collections import defaultdict
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loader.database.connection import transaction
from loader.database.manifest import File
from loader.database.sql import quoted
from loader.errors import FileError
from loader.feeds import KINDS
from loader.parsing.layout import Layout
from loader.parsing.lines import Lines, no_clean_lines
from loader.parsing.records import ExactReader, Record, Reject, split_lines
from loader.parsing.totals import ControlTotals
from loader.staging.insert import insert_columns, odd_width
from loader.staging.load import Load, complete_days
from loader.staging.prepare import Ready
from loader.staging.strategies import ControlTotalMismatch, LoadResult
from loader.staging.succession import succeed
from loader.staging.versioning import folded, write_changes

if TYPE_CHECKING:
    import duckdb

# Larger texts are faster alone.
_SMALL_TEXT = 64 << 10
_MOST_FILES = 200
_MOST_BYTES = 2 << 20


def is_small(ready: Ready) -> bool:
    """Whether a file is small enough to be loaded with others."""
    text, layout = ready.content.text, ready.layout
    return (
        text is not None
        and len(text) <= _SMALL_TEXT
        and isinstance(layout, Layout)
        and not layout.columns.extras
    )


@dataclass
class SmallRead:
    """A file's records and rejects."""

    load: Load
    layout: Layout
    records: list[Record] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    totals: ControlTotals = field(default_factory=ControlTotals)

    @property
    def file_id(self) -> int:
        """The file_id of its records."""
        return self.load.file.file_id


@dataclass
class LoadGroup:
    """Files that are loaded one after the other, or small ones in one transaction."""

    connection: "duckdb.DuckDBPyConnection"
    # The result of the files that are published before these.
    before: "Future[list[File]] | None"
    loads: list[Load] = field(default_factory=list)
    result: "Future[list[File]]" = field(default_factory=Future)
    _bytes: int = 0
    _names: set[str] = field(default_factory=set)
    _contents: set[str | None] = field(default_factory=set)

    @property
    def is_full(self) -> bool:
        """Whether the next file needs another group."""
        return len(self.loads) >= _MOST_FILES or self._bytes >= _MOST_BYTES

    def add(self, load: Load) -> None:
        """Add a file."""
        self.loads.append(load)
        self._bytes += load.ready.content.profile.size
        self._names.add(folded(load.file.file_name))
        self._contents.add(load.file.sha256)

    def is_related(self, file: File) -> bool:
        """Whether the decision about another file may depend on one of these."""
        return folded(file.file_name) in self._names or file.sha256 in self._contents

    def run(self) -> list[File]:
        """Load and publish the files, each whole or not at all; record failures."""
        import duckdb

        if len(self.loads) > 1:
            try:
                return self._run_together()
            except (FileError, ControlTotalMismatch, OSError, duckdb.Error):
                # Then each alone, which shows the one that failed.
                if self.loads[0].stopping.is_set():
                    raise
        return [load.run() for load in self.loads]

    def _run_together(self) -> list[File]:
        reads = [read_small(load) for load in self.loads]
        versions, records = self.loads[0].versions, self.loads[0].records
        with transaction(self.connection):
            insert_small(self.connection, reads)
            results = measure_small(self.connection, reads)
            files = complete_days(
                self.connection,
                [read.load.completed(result) for read, result in zip(reads, results, strict=True)],
            )
            if self.before:
                wait([self.before])
            for load in self.loads:
                load.ready.content.check_unchanged()
            changes = succeed(self.connection, records, versions, files, results)
            write_changes(self.connection, changes)
            seen = [load.ready.content.seen for load in self.loads]
            written = zip((change.file for change in changes), seen, strict=True)
            self.loads[0].looks.write(self.connection, written, self.loads[0].options.reading)
            records.forget(self.connection, files)
        for change in changes:
            versions.committed(change)
        return [change.file for change in changes]


def read_small(load: Load) -> SmallRead:
    """Split a small file into its records and rejects."""
    layout, text = load.ready.layout, load.ready.content.text
    if not isinstance(layout, Layout) or text is None:
        raise FileError("it is not a small file")
    read = SmallRead(load, layout)
    read.totals.header.add(layout.offset, layout.line - 1)
    lines = Lines(io.BytesIO(text), layout.offset, layout.line, no_clean_lines)
    reader = ExactReader(lines, layout.columns, load.ready.content.transcoded, read.totals)
    for one in split_lines(reader, lambda *_: None):
        if isinstance(one, Record):
            read.records.append(one)
        else:
            read.rejects.append(one)
            if len(read.rejects) > load.options.max_rejected_records:
                raise FileError("too many records are rejected")
    return read


def insert_small(connection: "duckdb.DuckDBPyConnection", reads: list[SmallRead]) -> None:
    """Insert the files' records and rejects, with one statement for each table."""
    by_kind: dict[str, list[SmallRead]] = defaultdict(list)
    for read in reads:
        by_kind[read.layout.kind].append(read)
    for kind, same in by_kind.items():
        columns: dict[str, list[Any]] = {name: [] for name in KINDS[kind]}
        for read in same:
            if not read.records:
                continue
            values = zip(*(record.values for record in read.records), strict=True)
            delivered = dict(zip(read.layout.columns.names, values, strict=True))
            nothing = [None] * len(read.records)
            for name, column in columns.items():
                column.extend(delivered.get(name, nothing))
        file_ids = [read.file_id for read in same for _ in read.records]
        lines = [record.line for read in same for record in read.records]
        if lines:
            insert_columns(connection, kind, [*columns.values(), file_ids, lines, [None] * len(lines)])
    rejects = [(read.file_id, reject) for read in reads for reject in read.rejects]
    if rejects:
        insert_columns(
            connection,
            "rejected_records",
            [
                [file_id for file_id, _ in rejects],
                [reject.line for _, reject in rejects],
                [reject.raw for _, reject in rejects],
                [str(reject.reason_code) for _, reject in rejects],
                [reject.detail for _, reject in rejects],
            ],
        )


def measure_small(connection: "duckdb.DuckDBPyConnection", reads: list[SmallRead]) -> list[LoadResult]:
    """Measure every file's rows, and check its control totals."""
    found: dict[int, tuple[int, int, int]] = {}
    for kind in {read.layout.kind for read in reads}:
        names = ", ".join(quoted(name) for name in KINDS[kind])
        rows = connection.execute(
            f"""
            select
                _file_id,
                count(*),
                sum(strlen(replace(text, '"', '')))::bigint,
                sum(_line)::bigint
            from (
                select _file_id, _line, concat({names}) as text
                from raw_sinch.{kind}
                where _file_id between ? and ?
            )
            group by _file_id
            """,
            [reads[0].file_id, reads[-1].file_id],
        ).fetchall()
        found.update({file_id: tuple(rest) for file_id, *rest in rows})
    results = []
    for read in reads:
        count, values, line_sum = found.get(read.file_id, (0, 0, 0))
        if line_sum != sum(record.line for record in read.records):
            raise ControlTotalMismatch("the lines read are not numbered as they were written")
        read.totals.fields.add(values, count)
        read.totals.separators.add(count * (read.layout.columns.width - 1), 0)
        odd = odd_width(read.layout.columns, read.rejects)
        result = LoadResult(count, len(read.rejects), read.totals, odd)
        result.check(read.load.ready.content)
        results.append(result)
    return results
