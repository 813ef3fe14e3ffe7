"""Stages deliveries: each one skipped, refused or loaded whole, in a transaction of its own."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.manifest import File, State
from loader.inputs.content import check_encoding
from loader.inputs.discovery import Delivery, discover
from loader.parsing.records import Reject
from loader.staging.looks import Looks
from loader.staging.options import Options
from loader.staging.order import in_order
from loader.staging.prepare import PassedOver, Preparation, prepare_all
from loader.staging.scheduler import LoadScheduler
from loader.staging.target import staging_target
from loader.staging.versioning import Versions

if TYPE_CHECKING:
    import duckdb


# How many rejects of each file a dry run shows.
_SHOWN_REJECTS = 5


@dataclass
class Report:
    """What became of every delivery. Files that are only skipped or ignored have these words for a state, and
    a file that is skipped the file_id under which it is known.
    """

    files: list[File]
    over_limit: list[File]
    # Files with less than half of the records of the version that they replace, which is the second.
    shrunk: list[tuple[File, File]]
    # Of a dry run, which leaves no quarantine to look into: by file_id.
    first_rejects: dict[int, list[Reject]]

    @property
    def exit_code(self) -> int:
        """0 all well; 1 a file failed or has too many rejects; 2 nothing but failures."""
        states = {file.state for file in self.files} - {PassedOver.IGNORED}
        if states == {State.FAILED}:
            return 2
        return 1 if State.FAILED in states or self.over_limit else 0


def stage(
    paths: tuple[str, ...], database: Path, options: Options, progress: Callable[[int, int, str], None]
) -> Report:
    """Stages everything the paths stand for. `progress` hears how many of how many files are done, and the
    next name.

    Raises CdrError, before anything is changed, for paths, options or a database that cannot be used.
    """
    if options.encoding is not None:
        check_encoding(options.encoding)
    deliveries = in_order(discover(paths), options)
    with staging_target(database, options) as (connection, folder):
        preparation = Preparation(options, folder, Versions(connection), Looks(connection))
        files = _stage_all(deliveries, connection, preparation, progress)
        shrunk = preparation.versions.shrunk
        first_rejects = _first_rejects(connection) if options.dry_run else {}
    return Report(
        files,
        [file for file in files if options.max_rejects.is_passed_by(file.rejected, file.records)],
        shrunk,
        first_rejects,
    )


def _stage_all(
    deliveries: list[Delivery],
    connection: "duckdb.DuckDBPyConnection",
    preparation: Preparation,
    progress: Callable[[int, int, str], None],
) -> list[File]:
    with LoadScheduler(connection, preparation) as scheduler:
        for prepared in prepare_all(deliveries, preparation):
            progress(scheduler.done, len(deliveries), prepared.file.file_name)
            scheduler.submit(prepared)
        files = scheduler.finish()
        progress(len(deliveries), len(deliveries), "")
    return files


def _first_rejects(connection: "duckdb.DuckDBPyConnection") -> dict[int, list[Reject]]:
    found: dict[int, list[Reject]] = defaultdict(list)
    rows = connection.execute(
        """
        select file_id, line, reason_code, detail
        from raw_sinch.rejected_records
        qualify row_number() over (partition by file_id order by line) <= ?
        order by file_id, line
        """,
        [_SHOWN_REJECTS],
    ).fetchall()
    for file_id, line, reason, detail in rows:
        found[file_id].append(Reject(line, "", reason, detail))
    return found
