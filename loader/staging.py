"""Stages deliveries: each one skipped, refused or loaded whole, in a transaction of its own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from loader.content import Content, check_encoding, prepare
from loader.database import bound_memory, connect, connect_for_staging, literal
from loader.discovery import Delivery, discover
from loader.errors import CdrError, FileError
from loader.feeds import KINDS
from loader.loading import Loaded, Unproven, ways
from loader.manifest import DUPLICATE, FAILED, File, judge, next_file_id, record, transaction
from loader.naming import date_in_names, kind_in_name
from loader.paths import staging_folder
from loader.recognition import Layout, NoSignOfRecords, recognise

if TYPE_CHECKING:
    import duckdb

SKIPPED, IGNORED = "skipped", "ignored"

_CALL_TIME = r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.\d+)?(?:Z|([+-]\d{2}):?(\d{2}))?$"


@dataclass(frozen=True)
class Limit:
    """How many of a file's records may be rejected: a number, or a share of them in percent."""

    number: float
    percent: bool = False

    @classmethod
    def parse(cls, text: str) -> "Limit":
        """Reads `12` or `0.5%`; raises CdrError for anything else."""
        percent = text.endswith("%")
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            number = -1
        if not 0 <= number < float("inf") or (not percent and number != int(number)):
            raise CdrError(
                f"--max-rejects {text} is neither a number nor a percentage; give it as 10 or 0.5%"
            )
        return cls(number, percent)

    def is_passed_by(self, file: File) -> bool:
        """Whether the file has more rejects than allowed."""
        return file.rejected > (self.number * file.records / 100 if self.percent else self.number)


@dataclass(frozen=True)
class Options:
    """How deliveries are to be read; see the options of `cdr stage`."""

    kind: str | None = None
    file_date: date | None = None
    generated_names: bool = False
    encoding: str | None = None
    max_rejects: Limit = Limit(0)
    dry_run: bool = False
    wait: float = 0


@dataclass
class Report:
    """What became of every delivery. Files that are only skipped or ignored have these words for a state, and
    a file that is skipped the file_id under which it is known.
    """

    files: list[File]
    over_limit: list[File]

    @property
    def exit_code(self) -> int:
        """0 all well; 1 a file failed or has too many rejects; 2 nothing but failures."""
        states = {file.state for file in self.files} - {IGNORED}
        if states == {FAILED}:
            return 2
        return 1 if FAILED in states or self.over_limit else 0


@dataclass
class _Prepared:
    delivery: Delivery
    content: Content | None = None
    layout: Layout | None = None
    problem: str | None = None
    ignored: str | None = None


def stage(
    paths: tuple[str, ...], database: Path, options: Options, progress: Callable[[int, int, str], None]
) -> Report:
    """Stages everything the paths stand for. `progress` hears how many of how many files are done, and the
    next name.

    Raises CdrError, before anything is changed, for paths, options or a database that cannot be used.
    """
    if options.encoding is not None:
        check_encoding(options.encoding)
    deliveries = discover(paths)
    files: list[File] = []
    with _target(database, options) as (connection, folder):
        for done, prepared in enumerate(_prepared(deliveries, options, folder)):
            progress(done, len(deliveries), prepared.delivery.file_name)
            try:
                files.append(_settle(connection, prepared, options, folder))
            finally:
                if prepared.content:
                    prepared.content.discard()
        progress(len(deliveries), len(deliveries), "")
    return Report(files, [file for file in files if options.max_rejects.is_passed_by(file)])


@contextmanager
def _target(database: Path, options: Options) -> Iterator[tuple["duckdb.DuckDBPyConnection", Path]]:
    """The connection to stage into and the folder for unpacked files; for a dry run a throw-away copy of the
    manifest.
    """
    if not options.dry_run:
        connection = connect_for_staging(database, options.wait)
        folder = staging_folder(database)
        try:
            yield connection, folder
        finally:
            connection.close()
            shutil.rmtree(folder, ignore_errors=True)
        return
    with tempfile.TemporaryDirectory(prefix="cdr-") as temporary:
        folder = Path(temporary)
        if database.exists():
            connect(database, "read", options.wait).close()
        connection = connect(folder / "dry-run.duckdb", "create")
        try:
            bound_memory(connection, folder)
            if database.exists():
                connection.execute(f"attach {literal(str(database))} as real (read_only)")
                connection.execute("insert into raw_sinch.files select * from real.raw_sinch.files")
                connection.execute("detach real")
            yield connection, folder
        finally:
            connection.close()


def _prepared(deliveries: list[Delivery], options: Options, folder: Path) -> Iterator[_Prepared]:
    """Reads and recognises the deliveries in order, the next one in a thread while the caller works on this
    one.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        following: Future[_Prepared] | None = None
        try:
            for at, delivery in enumerate(deliveries):
                current = following or pool.submit(_prepare, delivery, options, folder)
                prepared = current.result()
                more = at + 1 < len(deliveries)
                following = pool.submit(_prepare, deliveries[at + 1], options, folder) if more else None
                yield prepared
        finally:
            if following and (content := following.result().content):
                content.discard()


def _prepare(delivery: Delivery, options: Options, folder: Path) -> _Prepared:
    prepared = _Prepared(delivery, problem=delivery.problem, ignored=delivery.ignored)
    if prepared.problem or prepared.ignored:
        return prepared
    try:
        prepared.content = prepare(delivery, options.encoding, folder)
        prepared.layout = recognise(prepared.content, options.kind, kind_in_name(delivery.file_name))
    except NoSignOfRecords as error:
        if delivery.explicit:
            prepared.problem = str(error)
        else:
            prepared.ignored = "no sign of call detail records"
    except (FileError, OSError) as error:
        prepared.problem = str(error)
    return prepared


def _settle(
    connection: "duckdb.DuckDBPyConnection", prepared: _Prepared, options: Options, folder: Path
) -> File:
    """Decides about a delivery and carries it out; a failure is recorded, never raised."""
    import duckdb

    delivery, content, layout = prepared.delivery, prepared.content, prepared.layout
    file = File(0, delivery.file_name, delivery.location)
    if prepared.ignored:
        file.state, file.message = IGNORED, prepared.ignored
        return file
    explicit_date = options.file_date or date_in_names(delivery.names, options.generated_names)
    file.file_date = explicit_date
    if content:
        file.sha256, file.bytes = content.sha256, content.size
    if content and layout and not prepared.problem:
        file.kind, file.header, file.message = layout.kind, layout.header, layout.message
        try:
            return _stage_one(connection, file, content, layout, options, folder)
        except (FileError, Unproven, OSError, duckdb.Error) as error:
            prepared.problem = str(error).splitlines()[0]
    failure = File(
        0,
        file.file_name,
        file.path,
        kind=file.kind,
        file_date=explicit_date,
        sha256=file.sha256,
        bytes=file.bytes,
        header=file.header,
        state=FAILED,
        message=prepared.problem or "",
    )
    # Where even the failure cannot be recorded, as on a full disk, it is still reported.
    with suppress(duckdb.Error), transaction(connection):
        failure.file_id = next_file_id(connection)
        record(connection, failure)
    return failure


def _stage_one(
    connection: "duckdb.DuckDBPyConnection",
    file: File,
    content: Content,
    layout: Layout,
    options: Options,
    folder: Path,
) -> File:
    import duckdb

    verdict = judge(
        connection, content.sha256, file.file_name, layout.kind, file.file_date, layout.has_records
    )
    if verdict.equal and verdict.known:
        return _skipped(file, verdict.equal)
    if verdict.equal:
        equal = verdict.equal
        file.state, file.file_date = DUPLICATE, file.file_date or equal.file_date
        file.message = f"same content as file {equal.file_id} ({equal.path}, {equal.state})"
        with transaction(connection):
            file.file_id = next_file_id(connection)
            record(connection, file)
        return file
    tried = ways(content, layout)
    for way in tried:
        try:
            with transaction(connection):
                file.file_id = next_file_id(connection)
                loaded = way(connection, content, layout, file.file_id, folder)
                loaded.check(content)
                content.check_unchanged()
                _publish(connection, file, content, loaded)
                if options.dry_run and layout.kind:
                    connection.execute(f"delete from raw_sinch.{layout.kind}")
            return file
        except (Unproven, duckdb.Error):
            content.check_unchanged()
            if way is tried[-1]:
                raise
    raise AssertionError("there is always a way")


def _publish(connection: "duckdb.DuckDBPyConnection", file: File, content: Content, loaded: Loaded) -> None:
    file.staged, file.rejected = loaded.staged, loaded.rejected
    file.records = loaded.staged + loaded.rejected
    file.content_bytes, file.accounted_bytes = content.counts.size, loaded.size
    file.content_lines, file.accounted_lines = content.counts.lines, loaded.lines
    if file.file_date is None and file.kind and file.staged:
        file.file_date = _latest_call_date(connection, file.kind, file.file_id)
    record(connection, file)


def _latest_call_date(connection: "duckdb.DuckDBPyConnection", kind: str, file_id: int) -> date | None:
    """The latest UTC date in the file's CallTime; a time without an offset is UTC."""
    assert kind in KINDS
    row = connection.execute(
        f"""
        with times as (
            select regexp_extract(
                trim("CallTime"), '{_CALL_TIME}', ['day', 'time', 'hours', 'minutes']
            ) as part
            from raw_sinch.{kind} where _file_id = ?
        )
        select max(
            try_cast(part.day || ' ' || part.time as timestamp)
            - to_minutes(coalesce(try_cast(part.hours as integer), 0) * 60
                + coalesce(try_cast(left(part.hours, 1) || part.minutes as integer), 0))
        )::date
        from times
        """,
        [file_id],
    ).fetchone()
    return row[0] if row else None


def _skipped(file: File, known: File) -> File:
    file.state, file.file_id, file.kind, file.file_date = SKIPPED, known.file_id, known.kind, known.file_date
    file.message = f"known as file {known.file_id}, {known.state}"
    return file
