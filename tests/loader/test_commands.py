"""The output of commands, and their exit codes."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import duckdb
import pytest
from builders import delivery, header, record
from click.testing import CliRunner
from harness import REPOSITORY, Loader, environment, holding

from loader.cli.main import main
from loader.database.connection import Access, opened
from loader.database.schema import RAW_TABLES

BAD = record(call_id="bad") + ";one more\n"

COMMANDS = {
    "stage": ("stage", "."),
    "files": ("files",),
    "rejects": ("rejects",),
    "withdraw": ("withdraw", "1"),
    "purge": ("purge", "--before", "2026-01-01"),
    "verify": ("verify",),
    "export": ("export", "out"),
}


# --- help and usage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(main.commands))
def test_help_has_an_example_and_the_common_options(name: str) -> None:
    command = main.commands[name]
    help_text = command.get_help(click.Context(command, info_name=f"cdr {name}"))
    assert f"Example: cdr {name}" in help_text
    wanted = ["--json", "-q, --quiet", *([] if name in ("synth", "init") else ["--database"])]
    assert [option for option in wanted if option not in help_text] == []


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (("nonsense",), "No such command 'nonsense'."),
        (("stage",), "Missing argument 'PATH...'"),
        (("stage", ".", "--kind", "fax"), "'fax' is not one of"),
        (("stage", ".", "--file-date", "22.11.2026"), "write YYYY-MM-DD, for example 2026-11-22"),
        (("stage", ".", "--max-rejects", "few"), "neither a number nor a percentage"),
        (("stage", ".", "--max-rejects", "1.5"), "neither a number nor a percentage"),
        (("stage", ".", "--wait", "-1"), "-1.0 is not in the range"),
        (("stage", "nowhere.csv"), "nowhere.csv does not exist; check the path"),
        (("run", "nowhere.csv"), "nowhere.csv does not exist; check the path"),
        (("files", "--state", "lost"), "'lost' is not one of"),
        (("purge",), "Missing option '--before'"),
        (("synth", "/dev/null/x", "--days", "1"), "cannot write into /dev/null/x"),
    ],
)
def test_wrong_usage_is_one_line_and_changes_nothing(
    cdr: Loader, arguments: tuple[str, ...], printed: str
) -> None:
    assert printed in cdr.error(*arguments)
    assert printed in cdr.json(*arguments, code=2)["error"]
    assert not cdr.database.exists()


def test_no_command_shows_help(cdr: Loader) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "loader"], env=environment(), capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "Commands:" in result.stdout + result.stderr


# --- databases that cannot be used --------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "stage"])
def test_without_a_database(cdr: Loader, name: str) -> None:
    assert f"no database at {cdr.database}; stage files first" in cdr.error(*COMMANDS[name])
    assert not cdr.database.exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_that_is_not_a_database(cdr: Loader, name: str) -> None:
    cdr.write("a.csv", delivery("a"))
    cdr.database.write_text("hello" * 5000)
    assert f"{cdr.database} is not a DuckDB database; name another file" in cdr.error(*COMMANDS[name])
    assert cdr.database.read_text() == "hello" * 5000


@pytest.mark.parametrize("access", ["read", "write", "create"])
def test_no_connection_fetches_or_loads_extensions(cdr: Loader, access: Access) -> None:
    cdr.write("a.csv", delivery("a"))
    cdr("stage", ".", "-q")
    with opened(cdr.database, access) as connection:
        allowed = connection.execute(
            "select name from duckdb_settings() "
            "where name in ('autoinstall_known_extensions', 'autoload_known_extensions') and value <> 'false'"
        ).fetchall()
    assert allowed == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_database_that_another_process_uses(cdr: Loader, name: str) -> None:
    cdr.write("a.csv", delivery("a"))
    cdr("stage", ".", "-q")
    with holding(cdr.database) as holder:
        message = cdr.error(*COMMANDS[name])
        assert f"{cdr.database} is in use by process {holder.pid} ({sys.executable} -c " in message
        assert message.endswith("wait for it with --wait SECONDS or end it")


def test_wait_for_the_lock(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a"))
    with holding(cdr.database, seconds=1.5):
        began = time.monotonic()
        cdr("stage", ".", "--wait", "30", "-q")
        assert time.monotonic() - began > 0.5
    assert len(cdr.records()) == 1


def test_a_database_where_there_is_no_folder(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a"))
    cdr.database = cdr.inbox / "no" / "where.duckdb"
    assert "is not a folder; make it" in cdr.error("stage", ".")


def test_a_database_that_is_a_folder(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a"))
    cdr.database = cdr.inbox
    assert "is a folder; name a file" in cdr.error("stage", "a.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_that_cannot_be_written(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a"))
    cdr.database.parent.chmod(0o500)
    try:
        assert "make it and its folder writable" in cdr.error("stage", ".")
    finally:
        cdr.database.parent.chmod(0o700)


def test_a_foreign_database_without_staged_files(cdr: Loader) -> None:
    duckdb.connect(cdr.database).close()
    assert "nothing was ever staged into" in cdr.error("files")


@pytest.mark.parametrize("name", [":memory:", "md:calls", "md:", "s3://bucket/x.duckdb"])
def test_a_database_must_be_a_file(cdr: Loader, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    cdr.write("a.csv", delivery("a"))
    monkeypatch.setenv("CDR_DATABASE", name)
    for command in (["stage", "a.csv", "--database", name], ["stage", "a.csv"], ["status"]):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 2
        assert (
            result.stderr
            == f"cdr: {name} is not a file, and the database must be one; a file of that name is ./{name}\n"
        )
    assert [path.name for path in cdr.inbox.iterdir()] == ["a.csv"]


def test_paths_of_the_database(cdr: Loader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "dbt_project.yml").touch()
    monkeypatch.setattr("loader.paths.__file__", str(tmp_path / "site-packages" / "loader" / "paths.py"))
    from loader.errors import CdrError
    from loader.paths import database_path

    with pytest.raises(CdrError, match=r"no dbt_project\.yml"):
        database_path(None)
    monkeypatch.setenv("CDR_PROJECT_DIR", str(project))
    assert database_path(None) == project / "cdr.duckdb"
    monkeypatch.setenv("CDR_DATABASE", "data/x.duckdb")
    assert database_path(None) == project / "data" / "x.duckdb"
    monkeypatch.setenv("CDR_DATABASE", "/data/x.duckdb")
    assert database_path(None) == Path("/data/x.duckdb")
    assert database_path("y.duckdb") == cdr.inbox / "y.duckdb"


# --- the database file --------------------------------------------------------------------------------------


def test_everything_written_is_private(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a") + BAD)
    cdr("stage", ".", "-q", "--max-rejects", 1)
    cdr("export", "out", "-q")
    cdr("rejects", "--file", 1, "--out", "raw.csv", "-q")
    made = [cdr.database, cdr.inbox / "raw.csv", *(cdr.inbox / "out").rglob("*")]
    assert {path.stat().st_mode & 0o077 for path in made} == {0}
    cdr("purge", "--before", "2030-01-01")
    assert cdr.database.stat().st_mode & 0o777 == 0o600


def test_the_file_is_in_the_format_of_duckdb_1_4(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a"))
    cdr("stage", ".", "-q")
    tags = "select tags['storage_version'] from duckdb_databases() where database_name = 'cdr'"
    assert cdr.query(tags) == [("v1.4.0+",)]
    cdr("purge", "--before", "2030-01-01", "-q")
    assert cdr.query(tags) == [("v1.4.0+",)]


@pytest.mark.skipif(
    "DUCKDB_1_PYTHON" not in os.environ,
    reason="DUCKDB_1_PYTHON names no Python that has duckdb 1.4 or 1.5, which cannot be installed beside 2.0",
)
def test_a_client_of_duckdb_1_opens_the_file(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a") + BAD)
    cdr("stage", ".", "-q", code=1)
    for _ in range(2):
        script = (
            "import duckdb, sys; print(duckdb.connect(sys.argv[1]).sql('from raw_sinch.files').fetchall())"
        )
        command = [os.environ["DUCKDB_1_PYTHON"], "-c", script, str(cdr.database)]
        result = subprocess.run(command, capture_output=True, text=True)
        assert "a.csv" in result.stdout, result.stderr
        cdr("purge", "--before", "2030-01-01", "-q")


def test_raw_schema(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a"))
    cdr("stage", ".", "-q")
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in cdr.query(
        "select table_name, column_name, data_type from information_schema.columns "
        "where table_schema = 'raw_sinch' order by table_name, ordinal_position"
    ):
        found.setdefault(table, {})[column] = kind
    assert found == RAW_TABLES
    assert {name: list(columns) for name, columns in found.items()} == {
        name: list(columns) for name, columns in RAW_TABLES.items()
    }


# --- stage --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "code"),
    [(None, 1), ("0", 1), ("1", 1), ("2", 0), ("19%", 1), ("20%", 0), ("100%", 0)],
)
def test_max_rejects(cdr: Loader, limit: str | None, code: int) -> None:
    cdr.write("a.csv", delivery(*"abcdefgh") + BAD * 2)
    options = [] if limit is None else ["--max-rejects", limit]
    result = cdr("stage", "a.csv", *options, code=code)
    assert len(cdr.records()) == 8
    message = f"cdr: {cdr.inbox / 'a.csv'}: 2 of 10 records rejected; see `cdr rejects --file 1`"
    assert (message in result.stderr) == (code == 1)


def test_a_failed_file_among_good_ones(cdr: Loader) -> None:
    cdr.write("bad.csv", "CallId;Nonsense\n")
    cdr.write("good.csv", delivery("a"))
    result = cdr("stage", ".", code=1)
    assert f"cdr: {cdr.inbox / 'bad.csv'}: the header" in result.stderr
    assert result.stdout.splitlines()[0].split() == [
        "file_name", "kind", "file_date", "records", "staged", "rejected", "state", "message",
    ]  # fmt: skip
    assert cdr.states() == [(1, "bad.csv", "failed"), (2, "good.csv", "current")]


def test_stage_json(cdr: Loader) -> None:
    path = cdr.write("sip_2026-11-22.csv", delivery("a") + BAD)
    document = cdr.json("stage", ".", code=1)
    assert document == {
        "files": [
            {
                "file_id": 1,
                "file_name": "sip_2026-11-22.csv",
                "kind": "sip_terminated",
                "file_date": "2026-11-22",
                "records": 2,
                "staged": 1,
                "rejected": 1,
                "state": "current",
                "message": "",
                "path": str(path),
            }
        ],
        "totals": {
            "files": 1,
            "records": 2,
            "staged": 1,
            "rejected": 1,
            "current": 1,
            "duplicate": 0,
            "failed": 0,
            "skipped": 0,
            "ignored": 0,
        },
        "exit_code": 1,
    }


def test_dry_run_changes_nothing(cdr: Loader) -> None:
    cdr.write("a_2026-11-22.csv", delivery("a") + BAD)
    cdr.write("b.csv", "CallId;Nonsense\n")
    files = cdr.stage(".", "--dry-run", code=1)
    assert [(f["state"], f["staged"], f["rejected"]) for f in files] == [("current", 1, 1), ("failed", 0, 0)]
    assert list(cdr.database.parent.iterdir()) == [cdr.inbox]
    cdr("stage", "a_2026-11-22.csv", "-q", code=1)
    before = cdr.database.read_bytes()
    cdr.write("a_2026-11-22.csv", delivery("a", "b"))
    cdr.write("copy.csv", delivery("a", "b"))
    states = [f["state"] for f in cdr.stage("a_2026-11-22.csv", "copy.csv", "--dry-run")]
    assert states == ["current", "duplicate"]
    assert cdr.database.read_bytes() == before


def test_unreadable_input_is_refused_before_anything(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a"))
    (cdr.inbox / "gone.csv").symlink_to("nowhere")
    assert "gone.csv cannot be read" in cdr.error("stage", "a.csv", "gone.csv")
    assert not cdr.database.exists()


def test_a_file_that_vanishes_fails_alone(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    cdr.write("a.csv", delivery("a"))
    (cdr.inbox / "b.csv").symlink_to("nowhere")
    files = cdr.stage(".", code=1)
    assert [(f["file_name"], f["state"]) for f in files] == [("a.csv", "current"), ("b.csv", "failed")]
    assert "No such file" in files[1]["message"]


def test_a_file_that_changes_while_it_is_read_fails(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cdr.write("a.csv", delivery("a"))
    from loader.staging.strategies import FileLoad

    load = FileLoad.load_in_place

    def meanwhile(*arguments: Any) -> Any:
        path.write_text(delivery("a", "b"))
        return load(*arguments)

    monkeypatch.setattr(FileLoad, "load_in_place", meanwhile)
    assert "changed while it was read" in cdr.error("stage", path, "-q")
    assert cdr.states() == [(1, "a.csv", "failed")]
    assert cdr.records() == []
    monkeypatch.undo()
    assert [f["state"] for f in cdr.stage(path)] == ["current"]


def test_files_are_published_in_their_order(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the first takes longest; the second fails, which needs no order."""
    monkeypatch.setattr("loader.staging.scheduler.is_small", lambda _: False)
    from loader.staging.strategies import FileLoad

    load = FileLoad.load_in_place

    def slowly(file: FileLoad) -> Any:
        if file.file_id == 1:
            time.sleep(0.5)
        if file.file_id == 2:
            raise OSError("no more")
        return load(file)

    monkeypatch.setattr(FileLoad, "load_in_place", slowly)
    for name in "abcde":
        cdr.write(f"{name}.csv", delivery(name))
    cdr.stage(".", code=1)
    rows = cdr.query(
        "select file_id, file_name, state from raw_sinch.files order by state = 'failed', loaded_at"
    )
    assert rows == [
        (1, "a.csv", "current"),
        (3, "c.csv", "current"),
        (4, "d.csv", "current"),
        (5, "e.csv", "current"),
        (2, "b.csv", "failed"),
    ]


def test_versions_that_come_together_follow_each_other(cdr: Loader) -> None:
    for at in range(5):
        cdr.write(f"{at}/sip_2026-11-01.csv", delivery(*map(str, range(at + 1))))
    cdr.write("5/sip_2026-11-01.csv", delivery("0"))
    cdr.stage(".")
    assert cdr.query("select state, count(*) from raw_sinch.files group by all order by all") == [
        ("current", 1),
        ("superseded", 5),
    ]
    # The last of them is the first one's content, delivered again.
    assert cdr.query("select file_id from raw_sinch.files where state = 'current'") == [(6,)]


def test_an_interrupt_gives_up_what_is_being_loaded(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    from loader.staging import stage

    def then_interrupted(*arguments: Any) -> Any:
        yield from prepared(*arguments)
        raise KeyboardInterrupt

    prepared = stage.prepare_all
    calls = [f"call-{at}" for at in range(300_000)]
    path = cdr.write("a.csv", delivery(*calls))
    monkeypatch.setattr(stage, "prepare_all", then_interrupted)
    assert "interrupted; whole files are staged" in cdr("stage", path, "-q", code=130).stderr
    assert cdr.states() == []
    monkeypatch.undo()
    assert [f["staged"] for f in cdr.stage(path)] == [300_000]


def test_what_cannot_be_proven_is_not_published(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    from loader.staging.strategies import FileLoad

    tried = []
    for name in ("load_in_place", "load_mixed", "load_exactly"):
        way = getattr(FileLoad, name)

        def losing(*arguments: Any, way: Any = way) -> Any:
            tried.append(way.__name__)
            loaded = way(*arguments)
            loaded.totals.fields.bytes -= 1
            return loaded

        monkeypatch.setattr(FileLoad, name, losing)
    cdr.write("a.csv", delivery("a"))
    assert "only 125 of 126 bytes and 2 of 2 lines are accounted for" in cdr.error("stage", "a.csv", "-q")
    assert tried == ["load_in_place", "load_mixed", "load_exactly"]
    assert cdr.records() == []
    assert cdr.states() == [(1, "a.csv", "failed")]


def test_no_disk_space_fails_the_file_and_the_others_go_on(cdr: Loader) -> None:
    """A limit on the size of files simulates a full disk: the unpacked copy cannot be written."""
    cdr.write("a.csv", delivery("a"))
    cdr.write("b.csv", (header() + "\n" + (record(Custom="x" * 1000) + "\n") * 60_000).encode("utf-16"))
    cdr.write("c.csv", delivery("c"))
    cdr("stage", "a.csv", "-q")

    def limited() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (40 << 20, 40 << 20))

    result = cdr.process("stage", ".", "-q", preexec_fn=limited)
    assert result.returncode == 1, result.stderr
    assert (
        "b.csv: cannot be read (File too large); check the file's rights and the free disk space"
        in result.stderr
    )
    assert [name for _, name, state in cdr.states() if state == "current"] == ["a.csv", "c.csv"]
    assert not list(cdr.database.parent.glob(f".{cdr.database.name}.work-*"))


# --- files and rejects --------------------------------------------------------------------------------------


@pytest.fixture
def filled(cdr: Loader) -> Loader:
    cdr.write("a_2026-11-21.csv", delivery("a") + BAD)
    cdr.write("b_2026-11-22.csv", delivery("b", kind="app_app") + BAD)
    cdr("stage", "a_2026-11-21.csv", "b_2026-11-22.csv", "-q", "--max-rejects", "1")
    cdr.write("a_2026-11-21.csv", delivery("a", "c"))
    cdr("stage", "a_2026-11-21.csv", "-q")
    return cdr


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ((), [1, 2, 3]),
        (("--file", "a_2026-11-21.csv"), [1, 3]),
        (("--file", "3"), [3]),
        (("--file", "../inbox/b_2026-11-22.csv"), [2]),
        (("--kind", "app_app"), [2]),
        (("--date", "2026-11-21"), [1, 3]),
        (("--state", "superseded"), [1]),
        (("--state", "current", "--kind", "sip_terminated"), [3]),
        (("--state", "failed"), []),
    ],
)
def test_files_and_rejects_are_filtered(filled: Loader, options: tuple[str, ...], ids: list[int]) -> None:
    files = filled.json("files", *options)["files"]
    assert [file["file_id"] for file in files] == ids
    rejects = filled.json("rejects", *options)["rejects"]
    assert [reject["file_id"] for reject in rejects] == [at for at in ids if at != 3]
    assert filled("files", *options, "-q").stdout == ""
    assert len(filled("files", *options, "--wide").stdout.splitlines()) == 1 + len(ids)


def test_files_json_has_every_column(filled: Loader) -> None:
    file = filled.json("files", "--file", "1")["files"][0]
    assert list(file) == list(RAW_TABLES["files"])
    assert (file["message"], file["header"]) == ("superseded by file 3", header())
    assert file["loaded_at"].endswith("Z")


def test_rejects_show_reason_line_and_text(filled: Loader) -> None:
    reject = filled.json("rejects", "--file", "2")["rejects"][0]
    assert (reject["line"], reject["reason_code"], reject["raw"]) == (3, "too_many_fields", BAD[:-1])
    assert reject["detail"] == "11 fields where the file has 10"
    assert BAD[:-1] in filled("rejects", "--wide").stdout


def test_rejects_written_out_corrected_and_staged(filled: Loader) -> None:
    assert "name it with --file" in filled.error("rejects", "--out", "raw.csv")
    assert "has no rejected records" in filled.error("rejects", "--file", "3", "--out", "raw.csv")
    assert "there is no delivered file x.csv" in filled.error(
        "rejects", "--file", "x.csv", "--out", "raw.csv"
    )
    assert "names 2 files: 1 (2026-11-21" in filled.error(
        "rejects", "--file", "a_2026-11-21.csv", "--out", "r"
    )
    result = filled("rejects", "--file", "2", "--out", "raw.csv")
    assert result.stdout == "1 rejected record of file 2 (b_2026-11-22.csv) in raw.csv\n"
    raw = filled.inbox / "raw.csv"
    assert raw.read_text() == header("app_app") + "\n" + BAD
    assert "exists already" in filled.error("rejects", "--file", "2", "--out", "raw.csv")
    raw.write_text(raw.read_text().replace(";one more", ""))
    assert filled.stage(raw, "--file-date", "2026-11-22")[0]["staged"] == 1


def test_control_characters_do_not_reach_the_terminal(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a") + "\x1b[31mred;\x07\n")
    cdr("stage", ".", "-q", code=1)
    shown = cdr("rejects").stdout
    assert "\\x1b[31mred;\\x07" in shown
    assert "\x1b" not in shown


# --- withdraw -----------------------------------------------------------------------------------------------


def test_withdraw_and_undo(filled: Loader) -> None:
    result = filled("withdraw", "a_2026-11-21.csv")
    assert " ".join(result.stdout.split()) == (
        "file 3 (a_2026-11-21.csv) is withdrawn; `cdr build` brings the tables up to date "
        "file 1, which it superseded, stays out; to bring it back, deliver it again under its name "
        "or stage it with --again"
    )
    assert [state for _, _, state in filled.states()] == ["superseded", "current", "withdrawn"]
    assert filled.json("withdraw", 3)["file"]["state"] == "withdrawn"
    assert filled.stage("a_2026-11-21.csv")[0]["state"] == "skipped"
    assert filled.json("withdraw", "--undo", "3")["file"]["state"] == "current"
    assert "is current, not withdrawn" in filled.error("withdraw", "--undo", "3")
    filled("withdraw", "1")
    assert "file 3 is the current version of a_2026-11-21.csv" in filled.error("withdraw", "--undo", "1")
    filled("verify", "-q")


def test_withdraw_what_is_in_no_table(filled: Loader) -> None:
    filled.write("copy.csv", delivery("a", "c"))
    filled.stage("copy.csv")
    assert "is duplicate and in no table" in filled.error("withdraw", "copy.csv")
    assert "there is no delivered file 99" in filled.error("withdraw", "99")


def test_withdrawn_content_under_another_name_stays_out(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a"))
    cdr.stage("a.csv", "--file-date", "2026-11-21")
    cdr("withdraw", "a.csv")
    cdr.write("b.csv", delivery("a"))
    assert cdr.stage("b.csv", "--file-date", "2026-11-21")[0]["state"] == "duplicate"
    # A wrong day is put right by staging the same file with the right one.
    assert cdr.stage("a.csv", "--file-date", "2026-11-22")[0]["state"] == "current"


# --- purge --------------------------------------------------------------------------------------------------


def test_purge_erases_for_good(cdr: Loader) -> None:
    secret = "private-46700000001"
    for day in ("2026-11-20", "2026-11-21", "2026-11-22"):
        cdr.write(f"sip_{day}.csv", delivery(f"{day}-{secret}") + f"{day}-{secret};broken\n")
    cdr.write("dateless.csv", header() + "\n" + record(CallTime="soon") + "\n")
    cdr("stage", ".", "-q", "--max-rejects", "1")
    cdr("withdraw", "sip_2026-11-20.csv", "-q")
    before = cdr.query("from raw_sinch.files")
    assert "would be erased" in cdr("purge", "--before", "2026-11-22", "--dry-run").stdout
    assert cdr.query("from raw_sinch.files") == before
    assert f"2026-11-20-{secret}".encode() in cdr.database.read_bytes()
    document = cdr.json("purge", "--before", "2026-11-22")
    assert (document["records"], document["rejects"], document["undated_files"]) == (2, 2, 1)
    assert [file["file_name"] for file in document["files"]] == ["sip_2026-11-20.csv", "sip_2026-11-21.csv"]
    left = cdr.database.read_bytes()
    assert f"2026-11-22-{secret}".encode() in left
    assert not any(f"{day}-{secret}".encode() in left for day in ("2026-11-20", "2026-11-21"))
    assert [state for _, _, state in cdr.states()] == ["current", "withdrawn", "withdrawn", "current"]
    assert len(cdr.records()) == 2
    assert len(cdr.rejects()) == 1
    cdr("verify", "-q")
    assert [f["state"] for f in cdr.stage(".")] == ["skipped"] * 4
    assert "its records are gone" in cdr.error("withdraw", "--undo", "sip_2026-11-21.csv")
    assert cdr.json("purge", "--before", "2026-11-22")["files"] == []
    assert sorted(path.name for path in cdr.database.parent.iterdir()) == ["cdr.duckdb", "inbox"]


# --- verify -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "law"),
    [
        ("update raw_sinch.files set records = 5 where file_id = 1", "records = staged + rejected"),
        ("update raw_sinch.files set accounted_bytes = 5 where file_id = 1", "bytes accounted for"),
        ("update raw_sinch.files set accounted_lines = 5 where file_id = 1", "lines accounted for"),
        ("delete from raw_sinch.app_app", "staged = records in the raw tables"),
        ("insert into raw_sinch.app_app (_file_id) values (77)", "staged = records in the raw tables"),
        ("delete from raw_sinch.rejected_records where file_id = 1", "rejected = rows of rejected_records"),
    ],
)
def test_verify_finds_what_is_missing(filled: Loader, damage: str, law: str) -> None:
    assert "not built" in filled("verify").stdout
    with duckdb.connect(filled.database) as connection:
        connection.execute(damage)
    result = filled("verify", code=1)
    assert law in result.stderr
    assert "not so for file" in result.stderr
    failing = [entry["law"] for entry in filled.json("verify", code=1)["laws"] if entry["ok"] is False]
    assert len(failing) == 1
    assert law in failing[0]


MARTS = """
    create schema marts;
    create table marts.fact_calls as
        select 1::bigint as file_id, 'EUR' as currency, 1.5::decimal(18, 6) as amount, true as is_answered,
            60::bigint as duration_seconds, 'sip_terminated' as call_type, date '2026-11-22' as call_date;
    create table marts.mart_feed_reconciliation as
        select file_id, staged - if(file_id = 3, 1, 0) as unusable, 0 as exact_duplicates, 0 as conflicts
        from raw_sinch.files where state = 'current';
    update marts.fact_calls set file_id = 3;
    create table marts.mart_cost_daily as select 'EUR' as currency, 1.5::decimal(18, 6) as amount;
    create table marts.mart_cost_monthly as from marts.mart_cost_daily;
    create table marts.mart_user_spend_daily as from marts.mart_cost_daily;
    create table marts.mart_quality_daily as select 1::bigint as bids;
    create table marts.mart_failure_reasons_daily as select 1::bigint as calls;
    create table marts.mart_traffic_hourly as
        select 1::bigint as bids, 50 / 3600 as erlangs, scope
        from unnest(['call_type', 'application', 'account']) as scopes(scope);
    create table marts.mart_cost_by_custom as
        select 'tenant' as key, currency, 1::bigint as calls, amount from marts.mart_cost_daily;
    create table marts.mart_quality_by_custom as select 'tenant' as key, 1::bigint as bids;
    create table marts.mart_user_daily as select 1::bigint as bids, 'caller' as role;
    create table marts.mart_endpoint_daily as select 1::bigint as bids, unnest(['caller', 'callee']) as role;
    create schema intermediate;
    create view intermediate.int_traffic__intervals as select 10::bigint as cut_seconds;
    create table marts.mart_restatements as select 1 as calls;
    create table intermediate.int_day_history as select date '2026-11-22' as day, 1::bigint as calls;
"""


@pytest.mark.parametrize(
    ("damage", "law"),
    [
        ("delete from marts.mart_feed_reconciliation", "staged = in fact_calls"),
        ("update marts.mart_cost_daily set amount = 2", "fact_calls = mart_cost_daily, currency EUR"),
        ("update marts.mart_cost_monthly set currency = null", "fact_calls = mart_cost_monthly, currency"),
        ("delete from marts.mart_user_spend_daily", "fact_calls = mart_user_spend_daily, currency EUR"),
        ("update marts.mart_quality_daily set bids = 2", "bids of mart_quality_daily"),
        ("update marts.mart_failure_reasons_daily set calls = 2", "calls of mart_failure_reasons_daily"),
        *(
            (f"update marts.mart_traffic_hourly set {column} = 2 where scope = '{scope}'", law)
            for scope in ("call_type", "application", "account")
            for column, law in (
                ("bids", f"bids of mart_traffic_hourly, scope {scope}"),
                ("erlangs", f"erlangs of mart_traffic_hourly * 3600, scope {scope}"),
            )
        ),
        (
            "update marts.mart_traffic_hourly set erlangs = 51 / 3600 where scope = 'account'",
            "erlangs of mart_traffic_hourly * 3600, scope account",
        ),
        ("update marts.mart_cost_by_custom set calls = 2", "each key: calls of mart_cost_by_custom"),
        ("update marts.mart_cost_by_custom set amount = 2", "each key: amount of mart_cost_by_custom"),
        ("update marts.mart_cost_by_custom set currency = null", "each key: amount of mart_cost_by_custom"),
        ("update marts.mart_quality_by_custom set bids = 2", "each key: bids of mart_quality_by_custom"),
        ("update intermediate.int_day_history set day = '2026-11-21'", "calls reported in day_history"),
        ("update marts.mart_user_daily set bids = 2", "bids of callers in mart_user_daily"),
        ("update marts.mart_user_daily set role = 'callee'", "in mart_user_daily"),
        ("delete from marts.mart_endpoint_daily where role = 'caller'", "callers in mart_endpoint_daily"),
        ("delete from marts.mart_endpoint_daily where role = 'callee'", "callees in mart_endpoint_daily"),
    ],
)
def test_verify_checks_the_marts(filled: Loader, damage: str, law: str) -> None:
    with duckdb.connect(filled.database) as connection:
        connection.execute(MARTS)
    laws = filled.json("verify")["laws"]
    assert all(entry["ok"] for entry in laws)
    assert len(laws) == 27
    with duckdb.connect(filled.database) as connection:
        connection.execute(damage)
    failing = [entry["law"] for entry in filled.json("verify", code=1)["laws"] if not entry["ok"]]
    assert failing
    assert all(law in entry for entry in failing)


# --- export -------------------------------------------------------------------------------------------------


def exported(folder: Path, kind: str) -> list[tuple[Any, ...]]:
    return duckdb.sql(
        f"select file_date::varchar, * exclude (file_date) "
        f"from read_parquet('{folder}/{kind}/*/*.parquet', hive_partitioning = true) order by _file_id, _line"
    ).fetchall()


def test_export_follows_the_database(filled: Loader) -> None:
    out = filled.inbox / "lake" / "sinch"
    assert filled.json("export", out) == {
        "written": 2, "kept": 0, "removed": 0, "folder": str(out), "exit_code": 0,
    }  # fmt: skip
    rows = filled.query("from raw_sinch.sip_terminated where _file_id = 3 order by _line")
    assert exported(out, "sip_terminated") == [("2026-11-21", *row) for row in rows]
    paths = {path: path.stat().st_mtime_ns for path in out.glob("*_*/*/*.parquet")}
    filled.write("new_2026-11-23.csv", delivery("n"))
    filled.stage("new_2026-11-23.csv")
    filled("withdraw", "2", "-q")
    printed = " ".join(filled("export", out).stdout.split())
    assert printed == f"1 file written, 1 unchanged, 1 removed in {out}"
    kept = [path for path in paths if path.exists()]
    assert len(kept) == 1
    assert kept[0].stat().st_mtime_ns == paths[kept[0]]
    assert not (out / "app_app" / "file_date=2026-11-22").exists()
    for table in ("files", "rejected_records"):
        at = f"'{out}/{table}/{table}.parquet'"
        assert duckdb.sql(f"from {at} order by all").fetchall() == filled.query(
            f"from raw_sinch.{table} order by all"
        )
    assert not list(out.rglob("_unfinished_*"))


def test_an_interrupted_export_is_taken_up(filled: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    from loader.operations import export

    write = export._write_parquet
    calls = []

    def failing(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError("the disk is full")
        write(*arguments)

    monkeypatch.setattr(export, "_write_parquet", failing)
    assert "cannot write into out (the disk is full)" in filled.error("export", "out")
    (filled.inbox / "out/app_app/file_date=2026-11-22").mkdir(parents=True, exist_ok=True)
    (filled.inbox / "out/app_app/file_date=2026-11-22/_unfinished_0123456789abcdef_file_2.parquet").touch()
    monkeypatch.undo()
    done = filled.json("export", filled.inbox / "out")
    assert done["written"] + done["kept"] == 2
    assert not list((filled.inbox / "out").rglob("_unfinished_*"))


def test_export_does_not_write_into_just_any_folder(filled: Loader) -> None:
    assert "is not empty and not an export" in filled.error("export", filled.inbox)
    assert "cannot write into" in filled.error("export", "/dev/null/x")


# --- kills --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15, 0.4])
def test_a_kill_leaves_every_file_whole_or_absent(cdr: Loader, delay: float) -> None:
    """Killed after its work began, perhaps before the first file is in; the next run finishes the work."""
    calls = [f"call-{at}" for at in range(3000)]
    for at in range(12):
        text = delivery(*calls) + (record(call_id="q", Custom='"a\nb"') + "\n" + BAD) * 20
        cdr.write(f"sip_2026-11-{at + 1:02}.csv", text.replace("call-0", f"call-of-{at}"))
    process = subprocess.Popen(
        cdr.command("stage", ".", "-q"), env=environment(), stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 20
    while (
        not any(cdr.database.parent.glob(".cdr.duckdb.work-*"))
        and time.monotonic() < deadline
        and process.poll() is None
    ):
        time.sleep(0.005)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if cdr.database.exists():
        verified = json.loads(cdr.process("verify", "--json").stdout)
        # Killed before the raw tables were there, or with files in them.
        if "error" in verified:
            assert verified["error"].startswith("nothing was ever staged into")
        else:
            assert [law["law"] for law in verified["laws"] if law["ok"] is False] == []
            assert set(cdr.query("select records, staged from raw_sinch.files")) <= {(3040, 3020)}
    # 1 for the rejects, or 0 where the first run had come to its end.
    assert cdr.process("stage", ".", "-q").returncode in (0, 1)
    assert cdr.query("select count(*), sum(staged), sum(rejected) from raw_sinch.files") == [
        (12, 12 * 3020, 12 * 20)
    ]
    cdr("verify", "-q")
    assert sorted(path.name for path in cdr.database.parent.iterdir()) == ["cdr.duckdb", "inbox"]


def test_an_interrupt_is_reported(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    cdr.write("a.csv", delivery("a"))
    monkeypatch.setattr("loader.staging.stage.discover", interrupted)
    assert "interrupted; whole files are staged" in cdr("stage", ".", code=130).stderr


def test_what_nobody_expected_is_one_line_too(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("two\nlines")

    cdr.write("a.csv", delivery("a"))
    monkeypatch.setattr("loader.staging.stage.discover", broken)
    assert cdr.error("stage", ".") == (
        "cdr: unexpected RuntimeError: two lines; run again with CDR_DEBUG=1 for details"
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("files", "--json"), 2),
        (("files",), 2),
        (("verify", "--json"), 2),
        (("files", "--file", "none", "--kind", "fax", "--json"), 2),
        (("stage", ".", "--dry-run", "--json"), 2),
        # Something is done.
        (("stage", ".", "--json"), 1),
        (("withdraw", "1"), 1),
    ],
)
def test_output_that_cannot_be_written_is_one_line(
    cdr: Loader, arguments: tuple[str, ...], code: int
) -> None:
    cdr.write("a.csv", delivery("a"))
    cdr("stage", ".", "-q")
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            cdr.command(*arguments), stdout=full, stderr=subprocess.PIPE, text=True, env=environment()
        )
    assert result.returncode == code
    (line,) = result.stderr.splitlines()
    assert line.startswith("cdr: ")
    assert "fax" in line or line.startswith(
        "cdr: cannot write the output (No space left on device); make room"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_truncated_database_is_one_line(cdr: Loader, name: str) -> None:
    cdr.write("a.csv", delivery("a"))
    cdr("stage", ".", "-q")
    os.truncate(cdr.database, 20_000)
    line = cdr.error(*COMMANDS[name])
    assert f"cdr: {cdr.database} is damaged" in line
    assert line.endswith("put a backup in its place, or stage the files into a new one")


@pytest.mark.parametrize("kibibytes", [60, 300, 700])
def test_a_full_disk_is_reported_with_its_remedy(cdr: Loader, kibibytes: int) -> None:
    """A limit on the size of files simulates a full disk."""
    cdr.write("a.csv", delivery(*(f"call-{at}" for at in range(20_000))))

    def limited() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (kibibytes << 10, kibibytes << 10))

    result = cdr.process("stage", ".", "-q", preexec_fn=limited)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "make room on" in line or "free disk space" in line
    assert "unexpected" not in line
    assert [file["state"] for file in cdr.stage(".")] == ["current"]


def test_output_into_a_closed_pipe(cdr: Loader) -> None:
    for at in range(300):
        cdr.write(f"{'x' * 200}{at}.csv", header() + f";Extra{at}\n")
    cdr("stage", ".", "-q")
    command = " ".join(f"'{part}'" for part in cdr.command("files"))
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -1"],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert result.stderr == ""
    assert result.returncode == 0


def test_the_project_is_found_from_anywhere() -> None:
    from loader.paths import project_root

    assert project_root() == REPOSITORY


def test_of_several_versions_the_last_is_meant_where_none_is_current(cdr: Loader) -> None:
    for calls in ("a", "ab"):
        cdr.write("sip.csv", delivery(*calls))
        cdr.stage("sip.csv")
    cdr("withdraw", "sip.csv", "-q")
    cdr("withdraw", "sip.csv", "-q")
    states = {file["file_id"]: file["state"] for file in cdr.json("files")["files"]}
    assert states == {1: "superseded", 2: "withdrawn"}


def test_rejects_are_listed_after_a_withdrawal_and_by_the_name_of_any_compression(
    cdr: Loader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cdr.write("sip.csv.gz", gzip.compress(f"{delivery('a')}x;y\n".encode()))
    cdr.stage("sip.csv.gz", code=1)
    cdr("withdraw", "1", "-q")
    monkeypatch.chdir(tmp_path)
    for name in ("1", "sip.csv", "sip.csv.gz", "sip.csv.zst"):
        (reject,) = cdr.json("rejects", "--file", name)["rejects"]
        assert (reject["line"], reject["state"]) == (3, "withdrawn")
        assert [file["file_id"] for file in cdr.json("files", "--file", name)["files"]] == [1]


def test_an_empty_delivery_is_exported_as_a_file_without_records(cdr: Loader, tmp_path: Path) -> None:
    cdr.write("cdr_app_app_2026-11-22.csv", "")
    cdr.stage(".")
    done = cdr.json("export", tmp_path / "lake")
    assert (done["written"], done["kept"], done["removed"]) == (0, 0, 0)
    with duckdb.connect() as connection:
        files = connection.execute(
            f"select kind, records, state from '{tmp_path}/lake/files/files.parquet'"
        ).fetchall()
    assert files == [("app_app", 0, "current")]
    assert not (tmp_path / "lake" / "app_app").exists()


def test_a_known_file_named_beside_its_folder_is_listed(cdr: Loader) -> None:
    cdr.write("sip.csv", delivery("a"))
    cdr.stage(".")
    for paths in ((".", "sip.csv"), ("sip.csv", "."), (".", cdr.inbox / "sip.csv")):
        assert "known as file 1, current" in " ".join(cdr("stage", *paths).stdout.split())
    assert "known as file 1" not in cdr("stage", ".").stdout
