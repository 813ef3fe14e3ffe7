"""Stages deliveries: each one skipped, refused or loaded whole, in a transaction of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loader.database.manifest import File, State
from loader.inputs.content import check_encoding
from loader.inputs.discovery import discover
from loader.staging.options import Options
from loader.staging.prepare import PassedOver, prepare_all
from loader.staging.scheduler import LoadScheduler
from loader.staging.target import staging_target


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
    deliveries = discover(paths)
    with (
        staging_target(database, options) as (connection, folder),
        LoadScheduler(connection, options, folder) as scheduler,
    ):
        for prepared in prepare_all(deliveries, options, folder):
            progress(scheduler.done, len(deliveries), prepared.file.file_name)
            scheduler.submit(prepared)
        files = scheduler.finish()
        progress(len(deliveries), len(deliveries), "")
    return Report(
        files, [file for file in files if options.max_rejects.is_passed_by(file.rejected, file.records)]
    )
