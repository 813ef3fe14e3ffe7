"""Stages deliveries: each one skipped, refused or loaded whole, in a transaction of its own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.content import check_encoding, prepare
from loader.database import bound_memory, connect, connect_for_staging, literal
from loader.discovery import Delivery, discover
from loader.errors import FileError
from loader.manifest import FAILED, File
from loader.naming import kind_in_name
from loader.options import Options
from loader.paths import staging_folder
from loader.recognition import NoSignOfRecords, recognise
from loader.settling import IGNORED, Desk, Prepared

if TYPE_CHECKING:
    import duckdb


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
    with _target(database, options) as (connection, folder), Desk(connection, options, folder) as desk:
        for prepared in _prepared(deliveries, options, folder):
            progress(desk.settled, len(deliveries), prepared.delivery.file_name)
            desk.take(prepared)
        files = desk.finish()
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


def _prepared(deliveries: list[Delivery], options: Options, folder: Path) -> Iterator[Prepared]:
    """Reads and recognises the deliveries in order, the next one in a thread while the caller works on this
    one.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        following: Future[Prepared] | None = None
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


def _prepare(delivery: Delivery, options: Options, folder: Path) -> Prepared:
    prepared = Prepared(delivery, problem=delivery.problem, ignored=delivery.ignored)
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
