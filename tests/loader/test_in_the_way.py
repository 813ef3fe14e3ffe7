"""What others put where the loader works: a database that somebody else made, links and pipes in place of
files, files of their own beside ours.
"""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import delivery
from harness import Loader

from loader.database.lock import lock_file
from loader.database.workspace import spill_folder

READING = {
    "files": ("files",),
    "rejects": ("rejects",),
    "status": ("status",),
    "verify": ("verify",),
    "export": ("export", "out"),
    "report": ("report", "calls.html"),
    "dry run": ("stage", ".", "--dry-run"),
    "purge": ("purge", "--before", "2026-01-01", "--dry-run"),
}
WRITING = {
    "stage": ("stage", "."),
    "withdraw": ("withdraw", "1"),
    "purge": ("purge", "--before", "2026-01-01"),
    "compact": ("compact",),
}


@pytest.fixture
def staged(cdr: Loader) -> Loader:
    cdr.write("sip_2026-11-22.csv", delivery("a"))
    cdr("stage", ".", "-q")
    return cdr


# --- a database that somebody else made ---------------------------------------------------------------------


@pytest.mark.parametrize("command", [*READING.values(), *WRITING.values(), ("build",)], ids=str)
def test_a_view_in_place_of_a_table_is_refused(staged: Loader, command: tuple[str, ...]) -> None:
    (staged.inbox.parent / "secret").write_text("mine")
    staged.execute("alter table raw_sinch.files rename to kept")
    staged.execute(
        "create view raw_sinch.FILES as select kept.* replace (content as file_name) "
        f"from raw_sinch.kept, read_text('{staged.inbox.parent}/secret')"
    )
    message = staged.error(*command)
    assert "raw_sinch.FILES is a view, not a table" in message
    assert "use a database of your own" in message


@pytest.mark.parametrize("command", WRITING.values(), ids=WRITING)
def test_functions_that_mean_something_else_are_refused(staged: Loader, command: tuple[str, ...]) -> None:
    staged.execute("create macro main.coalesce_all(a) as 1")
    staged("files", "-q")
    staged.execute("create macro main.max(a) as (select content from read_text('/etc/hostname'))")
    assert "redefines functions of DuckDB (max)" in staged.error(*command)


@pytest.mark.parametrize(
    "query",
    [
        "copy (select 1) to '{made}'",
        "select 'a' as unit, 'b' as version; copy (select 1) to '{made}'",
        "select 'a' as unit, 'b' as version) as due; copy (select 1) to '{made}'; select (select 1",
        "attach '{made}' as made",
        "",
    ],
)
def test_kept_queries_are_queries(staged: Loader, tmp_path: Path, query: str) -> None:
    made = tmp_path / "made"
    plant_query(staged, query.format(made=made), "'a'")
    assert "contains a text that is not a query" in staged.error("verify")
    plant_query(staged, "select 'a' as unit, 'b' as version", f"1; copy (select 1) to '{made}'; select 1")
    assert "contains a text that is not a query" in staged.error("verify")
    assert not made.exists()


def plant_query(loader: Loader, query: str, unit: str) -> None:
    with duckdb.connect(loader.database) as connection:
        connection.execute("create schema if not exists intermediate")
        connection.execute(
            "create or replace table intermediate.build_log as select 'a' as unit, 'b' as version, "
            "1 as records, true as done, 'files' as model"
        )
        connection.execute(
            "create or replace table intermediate.build_queries "
            "(model text, relation text, unit text, query text)"
        )
        connection.execute(
            "insert into intermediate.build_queries values ('files', 'raw_sinch.files', ?, ?)", [unit, query]
        )


def test_who_reads_a_database_reaches_no_other_file(copy: Loader, tmp_path: Path) -> None:
    """By views, and by the queries that it keeps."""
    secret = tmp_path / "secret"
    secret.write_text("mine")
    reading = f"select content as unit, content as version from read_text('{secret}')"
    copy.execute(f"update intermediate.build_queries set query = $${reading}$$")
    assert "holds a view that reads other files" in copy.error("verify")
    copy.execute("alter table marts.mart_feed_completeness rename to kept")
    copy.execute(
        "create view marts.mart_feed_completeness as select kept.* replace (content as status) "
        f"from marts.kept, read_text('{secret}')"
    )
    assert "holds a view that reads other files" in copy.error("status")
    copy("publish", tmp_path / "calls.duckdb", "-q")
    with duckdb.connect(tmp_path / "calls.duckdb", read_only=True) as connection:
        names = connection.execute("select table_name from duckdb_tables()").fetchall()
    assert ("fact_calls",) in names
    assert ("mart_feed_completeness",) not in names


@pytest.mark.parametrize("column", ["kind", "sha256"])
def test_names_out_of_a_database_are_no_paths(staged: Loader, column: str) -> None:
    staged.execute(f"update raw_sinch.files set {column} = '../../../made'")
    assert "has no kind or content that cdr stages" in staged.error("export", "out")


@pytest.mark.parametrize("command", [*READING.values(), *WRITING.values()], ids=str)
def test_a_file_of_another_engine_fetches_no_extension(cdr: Loader, command: tuple[str, ...]) -> None:
    """DuckDB would download an extension that reads it."""
    cdr.write("a.csv", delivery("a"))
    with closing(sqlite3.connect(cdr.database)) as connection:
        connection.execute("create table calls (id)")
        connection.commit()
    before = cdr.database.read_bytes()
    assert f"{cdr.database} is not a DuckDB database; name another file" in cdr.error(*command)
    assert cdr.database.read_bytes() == before


# --- files in the way ---------------------------------------------------------------------------------------


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_a_file(path: Path) -> None:
    victim(path).write_text("theirs")
    path.symlink_to(victim(path))


def second_name(path: Path) -> None:
    victim(path).write_text("theirs")
    path.hardlink_to(victim(path))


def somebodys(path: Path) -> None:
    path.write_text("theirs")


def victim(path: Path) -> Path:
    return path.parent.parent / "victim"


def is_untouched(path: Path) -> bool:
    if path.is_fifo():
        return True
    return path.read_text() == "theirs"


@pytest.mark.parametrize("put", [pipe, link_to_a_file, second_name, somebodys])
def test_something_else_where_the_lock_should_be(staged: Loader, tmp_path: Path, put: Any) -> None:
    folder = tmp_path / "of_the_database"
    folder.mkdir()
    staged.database = staged.database.rename(folder / "cdr.duckdb")
    lock = lock_file(staged.database)
    put(lock)
    for command in WRITING.values():
        assert f"{lock} is in the place of cdr's lock file" in staged.error(*command)
    staged("files", "-q")
    assert is_untouched(lock)


@pytest.mark.parametrize("put", [pipe, link_to_a_file])
@pytest.mark.parametrize("suffix", [".wal", ".wal.checkpoint"])
def test_something_else_where_duckdb_writes(staged: Loader, tmp_path: Path, put: Any, suffix: str) -> None:
    folder = tmp_path / "of_the_database"
    folder.mkdir()
    staged.database = staged.database.rename(folder / "cdr.duckdb")
    log = staged.database.with_name(f"cdr.duckdb{suffix}")
    put(log)
    for command in (("files",), ("withdraw", "1"), ("stage", ".")):
        assert f"{log} is not a file" in staged.error(*command)
    assert is_untouched(log)


def test_a_pipe_where_the_database_should_be(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a"))
    os.mkfifo(cdr.database)
    for command in (*READING.values(), *WRITING.values()):
        assert f"{cdr.database} is not a file" in cdr.error(*command)
    assert cdr.database.is_fifo()


def test_what_somebody_keeps_beside_the_database_stays(staged: Loader) -> None:
    spill, beside = spill_folder(staged.database), staged.database.parent
    spill.mkdir()
    kept = [spill / "notes.txt", beside / ".cdr.duckdb.staging", beside / ".cdr.duckdb.rewrite"]
    for path in kept:
        path.write_text("theirs")
    (spill / "duckdb_temp_link.tmp").symlink_to(kept[0])
    # Named as ours are, but not made as ours are.
    for name, mode in (("0", 0o755), ("1", 0o700)):
        folder = beside / f".cdr.duckdb.work-{name}"
        folder.mkdir()
        folder.chmod(mode)
        (folder / "notes.txt").write_text("theirs")
        kept.append(folder / "notes.txt")
    (beside / "elsewhere").mkdir(mode=0o700)
    (beside / "elsewhere" / "lock").write_text("theirs")
    (beside / ".cdr.duckdb.work-2").symlink_to(beside / "elsewhere")
    kept.append(beside / "elsewhere" / "lock")
    # Of a command that was killed before it had a lock.
    empty = beside / ".cdr.duckdb.work-3"
    empty.mkdir(mode=0o700)
    staged("withdraw", "1", "-q")
    staged("files", "-q")
    assert not empty.exists()
    assert {path.read_text() for path in kept} == {"theirs"}
    assert (spill / "duckdb_temp_link.tmp").is_symlink()


def test_a_list_of_folders_names_only_ours(staged: Loader, tmp_path: Path) -> None:
    """What a killed command lists as made elsewhere goes only where it is named and made as ours are."""
    theirs = [tmp_path / "theirs", tmp_path / ".cdr-0123456789abcdef"]
    for folder in theirs:
        folder.mkdir()
        folder.chmod(0o755)
        (folder / "notes.txt").write_text("theirs")
    left = staged.database.with_name(".cdr.duckdb.work-0123456789abcdef")
    left.mkdir(mode=0o700)
    (left / "lock").touch()
    (left / "elsewhere").write_bytes(b"\0".join(os.fsencode(folder) for folder in theirs))
    staged("files", "-q")
    assert not left.exists()
    assert all((folder / "notes.txt").exists() for folder in theirs)


def test_where_a_publication_should_be(copy: Loader, tmp_path: Path) -> None:
    pytest.importorskip("altair")
    for name, command in (("calls.duckdb", "publish"), ("calls.html", "report")):
        os.mkfifo(tmp_path / "pipe")
        assert "is not a" in copy.error(command, tmp_path / "pipe")
        (tmp_path / "pipe").unlink()
        copy(command, tmp_path / name, "-q")
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    folder = tmp_path / "parquet"
    folder.mkdir()
    copy("publish", folder, "-q")
    (folder / "notes.parquet").write_text("theirs")
    assert "contains notes.parquet, which is not part of a publication" in copy.error("publish", folder)
    assert (folder / "notes.parquet").read_text() == "theirs"


def test_where_an_export_should_be(staged: Loader) -> None:
    staged("export", "out", "-q")
    out = staged.inbox / "out"
    (out / "_unfinished_notes").write_text("theirs")
    (out / "files" / "_unfinished_files.parquet").symlink_to(out / "_unfinished_notes")
    left = out / "files" / "_unfinished_0123456789abcdef_files.parquet"
    left.touch()
    staged("export", "out", "-q")
    assert (out / "_unfinished_notes").read_text() == "theirs"
    assert not left.exists()
