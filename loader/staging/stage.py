"""Stages deliveries: each is skipped, refused or loaded whole, in its own transaction."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.database.connection import opened
from loader.database.manifest import File, State
from loader.database.schema import REMOTE_OBJECTS, move_remote_objects
from loader.database.sql import literal
from loader.database.workspace import working
from loader.inputs.content import check_encoding
from loader.inputs.discovery import Delivery, discover
from loader.parsing.records import Reject
from loader.staging.looks import Looks
from loader.staging.options import Options
from loader.staging.prepare import PassedOver, Preparation, in_order, prepare_all
from loader.staging.replacement import Replacement, of_most_days, suspects
from loader.staging.scheduler import LoadScheduler
from loader.staging.succession import Records
from loader.staging.versioning import Change, Versions, folded

if TYPE_CHECKING:
    import duckdb


# How many rejects of each file a dry run shows.
_SHOWN_REJECTS = 5


@dataclass
class Report:
    """The result of every delivery. Files that are skipped or ignored have that word as state, and a skipped
    file the file_id under which it is known.
    """

    files: list[File]
    over_limit: list[File]
    # Versions that supersede others.
    superseding: list[Change]
    # Of a dry run: what it would replace, if that is most of several days.
    replacement: Replacement | None
    # Of a dry run, which leaves no quarantine; by file_id.
    first_rejects: dict[int, list[Reject]]
    # Known files that the paths name themselves.
    named: list[File]
    # Known files whose content is in no table, since it was replaced or withdrawn, and all members of named
    # archives without a delivery.
    left_out: list[File]

    @property
    def exit_code(self) -> int:
        """0 if all is well; 1 if a file failed or has too many rejects; 2 if all files failed."""
        states = {file.state for file in self.files} - {PassedOver.IGNORED}
        if states == {State.FAILED}:
            return 2
        return 1 if State.FAILED in states or self.over_limit else 0


def find_deliveries(paths: tuple[str, ...], options: Options) -> list[Delivery]:
    """Return what the paths name, in the order to stage it.

    Raises CdrError for paths and options that cannot be used.
    """
    if options.encoding is not None:
        check_encoding(options.encoding)
    return in_order(discover(paths), options)


class Unasked(Exception):
    """The deliveries may replace most of what is in the tables: `suspects` must be read to know it."""

    def __init__(self, suspects: list[Delivery]) -> None:
        super().__init__()
        self.suspects = suspects


def stage(
    deliveries: list[Delivery],
    database: Path,
    options: Options,
    progress: Callable[[int, int, str], None],
    *,
    is_agreed: bool = True,
) -> Report:
    """Stage deliveries in their order. `progress` receives the number of files done, the number of all, and
    the next name.

    Raises, before any change, CdrError for a database that cannot be used, and Unasked where nobody agreed
    that the deliveries may replace most of what is there.
    """
    with staging_target(database, options) as (connection, folder):
        earlier = database if options.dry_run and database.exists() else None
        records = Records(options.dry_run, earlier, options.wait, _repeated_names(deliveries))
        versions = Versions(connection)
        preparation = Preparation(options, folder, versions, Looks(connection), records)
        if not is_agreed and (found := suspects(deliveries, preparation)):
            raise Unasked(found)
        current_files = versions.current_by_day()
        files = _stage_all(deliveries, connection, preparation, progress)
        first_rejects = _first_rejects(connection) if options.dry_run else {}
    known = [file for file in files if file.state in (PassedOver.SKIPPED, State.DUPLICATE)]
    named = {one.source.location for one in deliveries if one.is_named}
    idle = _ignored_whole(files, named)
    return Report(
        files,
        [file for file in files if options.max_rejects.is_passed_by(file.rejected, file.records)],
        versions.superseding,
        of_most_days(versions.superseding, current_files) if options.dry_run else None,
        first_rejects,
        # An archive that was detected only when it was read is known by its path alone.
        named=[*(file for file in known if named & {file.path, _archive(file)}), *idle],
        left_out=[*(file for file in known if not versions.is_in_tables(file)), *idle],
    )


def _archive(file: File) -> str:
    """Return the path of the archive that a file is a member of."""
    return file.path.rpartition("!")[0]


def _ignored_whole(files: list[File], named: set[str]) -> list[File]:
    """Return the members of named archives whose members are all ignored."""
    used = {_archive(file) for file in files if file.state != PassedOver.IGNORED}
    packed = [file for file in files if _archive(file) and {file.path, _archive(file)} & named]
    return [file for file in packed if file.state == PassedOver.IGNORED and _archive(file) not in used]


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


def _repeated_names(deliveries: list[Delivery]) -> frozenset[str]:
    times = Counter(folded(delivery.file_name) for delivery in deliveries)
    return frozenset(name for name, count in times.items() if count > 1)


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


# Keeps a staging process well below 1 GiB, for files of any size.
STAGING_MEMORY_LIMIT = "512MiB"

# Databases of earlier versions lack some of these tables.
_KNOWN = """
    select table_name from duckdb_tables()
    where database_name = 'real' and schema_name = 'raw_sinch'
        and table_name in ('files', 'looks', 'remote_objects')
"""


@contextmanager
def staging_target(database: Path, options: Options) -> Iterator[tuple["duckdb.DuckDBPyConnection", Path]]:
    """Open the database to stage into, with bounded memory, and a private folder for unpacked files. A dry
    run stages into a temporary copy of the manifest in that folder.
    """
    with working(database) as workspace:
        if options.dry_run:
            known = database.exists()
            if known:
                with opened(database, "read", options.wait, workspace=workspace):
                    pass
            place = workspace.folder / "dry-run.duckdb"
        else:
            known, place = False, database
        with opened(place, "create", options.wait, workspace=workspace) as connection:
            bound_memory(connection)
            if known:
                connection.execute(f"attach {literal(str(database))} as real (read_only)")
                for (table,) in connection.execute(_KNOWN).fetchall():
                    copy = f"insert into raw_sinch.{table} by name from real.raw_sinch.{table}"
                    connection.execute(
                        move_remote_objects("real.raw_sinch") if table == REMOTE_OBJECTS else copy
                    )
                connection.execute("detach real")
            yield connection, workspace.folder


def bound_memory(connection: "duckdb.DuckDBPyConnection") -> None:
    """Bound the connection's memory. Rows may be stored in any order, since they have their line's number;
    otherwise cores would wait for each other.
    """
    connection.execute("set preserve_insertion_order = false")
    connection.execute(f"set memory_limit = {literal(STAGING_MEMORY_LIMIT)}")
