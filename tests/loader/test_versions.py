"""Databases of earlier versions are opened, brought up to date, or refused; later ones refused.

`databases/` keeps one of each release, and one of the time before: the example deliveries, staged and built.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard
from builders import delivery
from harness import Loader
from release_database import DATABASES

from loader.database import schema
from loader.database.connection import opened
from loader.inputs.opening import Fingerprint
from loader.staging.looks import Look, Looks

ALL = sorted(DATABASES.glob("*.zst"))
EARLIEST = DATABASES / "before-0.1.0.duckdb.zst"
# What the eight example deliveries hold.
CALLS = 40
COMMANDS: list[tuple[Any, ...]] = [
    ("files",),
    ("rejects",),
    ("status",),
    ("verify",),
    ("withdraw", "1"),
    ("purge", "--before", "2026-11-22", "--yes"),
    ("export", "lake"),
    ("publish", "calls.duckdb"),
    ("compact",),
    ("stage", "sip.csv"),
    ("stage", "sip.csv", "--dry-run"),
    ("run", "sip.csv"),
    ("build",),
]


def unpacked(packed: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    loader = Loader(folder / "cdr.duckdb", folder / "inbox")
    loader.database.write_bytes(zstandard.decompress(packed.read_bytes()))
    loader.write("sip.csv", delivery("new"))
    monkeypatch.chdir(loader.inbox)
    return loader


@pytest.mark.parametrize("packed", ALL, ids=lambda path: path.name.removesuffix(".duckdb.zst"))
def test_a_database_of_an_earlier_version_is_read_and_brought_up_to_date(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = unpacked(packed, tmp_path, monkeypatch)
    before = loader.database.read_bytes()
    files = loader.json("files")["files"]
    assert [(file["file_id"], file["state"]) for file in files] == [(at, "current") for at in range(1, 9)]
    assert loader.json("status")["kinds"]
    assert all(law["ok"] is not False for law in loader.json("verify")["laws"])
    assert loader.json("export", "lake")["written"] == 8
    assert "fact_calls" in loader.json("publish", tmp_path / "calls.duckdb")["tables"]
    assert [file["state"] for file in loader.stage("sip.csv", "--dry-run")] == ["current"]
    # Reading changes nothing.
    assert loader.database.read_bytes() == before
    loader("withdraw", "1", "-q")
    loader("withdraw", "1", "--undo", "-q")
    assert [file["state"] for file in loader.stage("sip.csv")] == ["current"]
    assert loader.query("select max(version) from raw_sinch.schema_versions") == [(schema.SCHEMA_VERSION,)]
    columns = loader.query("select column_name from duckdb_columns() where table_name = 'files'")
    assert {name for (name,) in columns} == set(schema.FILES_COLUMNS)
    loader("compact", "-q")
    assert len(loader.json("files")["files"]) == 9


def test_tables_that_an_earlier_version_built_are_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = unpacked(EARLIEST, tmp_path, monkeypatch)
    assert loader.error("rejects") == (
        f"cdr: the tables in {loader.database} were built by another version of cdr-tables; "
        "`cdr build` rebuilds them"
    )
    amounts = loader.query("select currency, sum(amount) from marts.fact_calls group by all order by all")
    selected = ("-s", "+mart_cost_daily", "+rejected_records", "--exclude-resource-type", "test", "unit_test")
    message = loader("build", *selected).stdout
    assert "marts.fact_calls: no build of this version is logged, it is recomputed whole" in message
    assert loader.json("rejects")["rejects"] == []
    assert loader.query("select count(called_at_local) from marts.fact_calls") == [(CALLS,)]
    found = loader.query("select currency, sum(amount) from marts.mart_cost_daily group by all order by all")
    assert found == amounts


@pytest.mark.soak
@pytest.mark.parametrize("packed", ALL, ids=lambda path: path.name.removesuffix(".duckdb.zst"))
def test_the_daily_job_on_a_database_of_an_earlier_version(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = unpacked(packed, tmp_path, monkeypatch)
    loader("run", "sip.csv", "-q")
    assert loader.query("select count(*) from marts.fact_calls") == [(CALLS + 1,)]
    loader("verify", "-q")


def test_ranges_of_days_reach_back_to_the_first_call_after_an_upgrade(cdr: Loader) -> None:
    cdr.write("v20150101_sip_2026-11-22.csv", delivery("a"))
    cdr.stage(".")
    cdr.execute("update raw_sinch.files set covers_from = date '2015-01-01'")
    cdr.execute("update raw_sinch.schema_versions set version = 1")
    cdr.write("new.csv", delivery("b"))
    cdr.stage("new.csv")
    assert cdr.query("select covers_from::varchar from raw_sinch.files order by file_id") == [
        ("2026-11-22",),
        (None,),
    ]


def test_looks_of_an_earlier_version_are_believed_and_completed(
    cdr: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in (("a/sip_2026-11-22.csv", "a"), ("sip_2026-11-22.csv", "b")):
        os.utime(cdr.write(name, delivery("x", content)), (1_700_000_000, 1_700_000_000))
    cdr.stage(".")
    cdr.execute(
        "update raw_sinch.looks set seen_at = seen_at + interval 1 hour;"
        "alter table raw_sinch.looks drop column inode; alter table raw_sinch.looks drop column changed;"
        "update raw_sinch.schema_versions set version = 1"
    )
    states = cdr.states()
    assert [state for _, _, state in states] == ["superseded", "current"]
    with monkeypatch.context() as unread:
        unread.setattr("loader.staging.prepare.prepare", None)
        assert [file["state"] for file in cdr.stage(".")] == ["skipped"] * 2
    assert cdr.states() == states
    assert cdr.query("select count(inode), count(changed) from raw_sinch.looks") == [(2, 2)]
    corrected = cdr.write("new", delivery("x", "c"))
    os.utime(corrected, (1_700_000_000, 1_700_000_000))
    corrected.rename(cdr.inbox / "sip_2026-11-22.csv")
    assert sorted(file["state"] for file in cdr.stage(".")) == ["current", "skipped"]


def test_objects_known_to_an_earlier_version_are_known_as_looks(cdr: Loader) -> None:
    cdr.write("sip.csv", delivery("a"))
    cdr.stage("sip.csv")
    cdr.execute(
        "create table raw_sinch.remote_objects (uri varchar, etag varchar, size bigint,"
        " last_modified timestamp, sha256 varchar, options varchar, file_id bigint, seen_at timestamp);"
        "insert into raw_sinch.remote_objects values ('s3://b/x.csv', '\"1\"', 9,"
        " timestamp '2026-11-22 04:00:00', 'sha', '||', 1, timestamp '2026-11-23');"
        "alter table raw_sinch.looks drop column version;"
        "update raw_sinch.schema_versions set version = 4"
    )
    before = cdr.database.read_bytes()
    cdr.stage("sip.csv", "--dry-run")
    assert cdr.database.read_bytes() == before
    cdr.stage("sip.csv")
    assert "raw_sinch.remote_objects" not in cdr.tables()
    with opened(cdr.database, "read") as connection:
        look = Looks(connection).at("s3://b/x.csv")
    at = datetime(2026, 11, 22, 4, tzinfo=UTC)
    assert look == Look("||", 1, datetime.fromisoformat("2026-11-23"), remote(9, at, '"1"'))
    assert look.is_of(remote(9, at, '"1"'))
    assert not look.is_of(remote(9, at, '"2"'))


def test_a_look_soon_after_a_write_is_not_trusted() -> None:
    written = datetime(2026, 11, 22, 4, tzinfo=UTC)
    at = int(written.timestamp()) * 1_000_000_000

    def settled(seconds: float, changed: int = 0, version: str = "") -> bool:
        seen = Fingerprint(9, at, changed=changed, version=version)
        return Look("||", 1, (written + timedelta(seconds=seconds)).replace(tzinfo=None), seen).is_settled

    assert [settled(seconds) for seconds in (0, 2, 2.000001)] == [False, False, True]
    assert not settled(3, changed=at + 1_500_000_000)
    assert settled(0, version='"1"')


def test_a_member_of_equal_size_and_time_and_another_checksum_is_new() -> None:
    look = Look("||", 1, datetime.fromisoformat("2026-11-23"), Fingerprint(9, 5, "a"))
    assert look.is_of(Fingerprint(9, 5, "a"))
    for other in (Fingerprint(9, 5, "b"), Fingerprint(8, 5, "a"), Fingerprint(9, 6, "a")):
        assert not look.is_of(other)


def remote(size: int, modified: datetime, version: str) -> Fingerprint:
    return Fingerprint(size, int(modified.timestamp()) * 1_000_000_000, version=version)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command[:1] + command[2:3]))
def test_a_database_of_a_newer_version_is_refused(
    cdr: Loader, monkeypatch: pytest.MonkeyPatch, command: tuple[Any, ...]
) -> None:
    cdr.write("sip.csv", delivery("a"))
    ours, theirs = schema.SCHEMA_VERSION, schema.SCHEMA_VERSION + 1
    with monkeypatch.context() as newer:
        newer.setattr(schema, "SCHEMA_VERSION", theirs)
        newer.setitem(schema.MIGRATIONS, theirs, ("alter table raw_sinch.files add column origin varchar",))
        newer.setattr(schema, "own_version", lambda: "0.9.0")
        cdr.stage("sip.csv")
    before = cdr.database.read_bytes()
    message = cdr.error(*command)
    assert message.startswith(f"cdr: {cdr.database} is of cdr-tables 0.9.0, newer than this ")
    assert message.endswith(
        f" (raw tables of version {theirs}, this one supports {ours}); "
        "install that version or a newer one in the way this one was installed"
    )
    assert cdr.database.read_bytes() == before


def test_a_migration_is_whole_or_not_at_all(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    cdr.write("sip.csv", delivery("a"))
    cdr.stage("sip.csv")
    before = cdr.query("from raw_sinch.schema_versions")
    with monkeypatch.context() as broken:
        broken.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
        statements = ("alter table raw_sinch.files add column origin varchar", "select error('no')")
        broken.setitem(schema.MIGRATIONS, schema.SCHEMA_VERSION, statements)
        cdr("stage", "sip.csv", code=2)
    assert cdr.query("from raw_sinch.schema_versions") == before
    assert [file["state"] for file in cdr.stage("sip.csv")] == ["skipped"]
