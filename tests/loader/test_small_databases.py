"""What is due, shown, forgotten and erased, for a few rows of the tables that decide it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from builders import delivery, zipped

from loader.builds.fingerprint import _deliveries, _files, _hashed
from loader.builds.hiding import _still_shown
from loader.cli import output
from loader.cli.main import _reader_is_gone
from loader.database.feed import Row, are_complete, in_words, newest_complete_day, stalled_feed
from loader.database.manifest import File, State, latest_day, now
from loader.database.schema import create_raw_schema
from loader.database.space import deleted_share, put_off_vacuum
from loader.inputs.discovery import discover
from loader.operations.purge import _choose, _delete, _is_in_tables, _is_ours, _left_in
from loader.staging.options import Options
from loader.staging.small import LoadGroup
from loader.staging.stage import Report, find_deliveries, stage
from loader.staging.succession import Records, _listed, _remark_on_day
from loader.staging.versioning import Change, write_changes

D1, D2, D3 = (date(2026, 11, day) for day in (1, 2, 3))
DAY = timedelta(days=1)
# Of the records of a dry run, by table.
FILE_IDS = {"sip_terminated": (1, 2, 3), "app_app": (4,)}


@pytest.fixture
def raw() -> Iterator[duckdb.DuckDBPyConnection]:
    """The raw tables, without rows."""
    with duckdb.connect(":memory:") as connection:
        create_raw_schema(connection)
        connection.execute("create schema marts; create schema intermediate")
        yield connection


def add(connection: duckdb.DuckDBPyConnection, *files: File, loaded: datetime | None = None) -> None:
    write_changes(connection, [Change(replace(file)) for file in files])
    if loaded:
        ids = [file.file_id for file in files]
        connection.execute(
            "update raw_sinch.files set loaded_at = ?, state_changed_at = ?"
            " where file_id in (select unnest(?))",
            [loaded, loaded, ids],
        )


def file(number: int, **values: Any) -> File:
    return File(number, f"sip_{number}.csv", f"/in/sip_{number}.csv", **{"kind": "sip_terminated", **values})


def test_the_share_of_deleted_rows_is_of_all_tables_of_the_file(tmp_path: Path) -> None:
    database = tmp_path / "cdr.duckdb"
    with duckdb.connect(database) as connection:
        assert deleted_share(connection, database) == 0
        put_off_vacuum(connection)
        connection.execute("create table one as from range(600); create table two as from range(400)")
        connection.execute("attach ':memory:' as other; create table other.three as from range(1000)")
        assert deleted_share(connection, database) == 0
        connection.execute("delete from one where range < 250")
        assert deleted_share(connection, database) == pytest.approx(0.25)


def test_a_feed_stalls_when_its_newest_file_is_older_than_yesterday(raw: duckdb.DuckDBPyConnection) -> None:
    assert stalled_feed(raw, D3) is None
    loaded = datetime.combine(D1, datetime.min.time())
    # These do not count: mistyped, of no kind, not current.
    others = [
        file(2, file_date=D1 + 2 * DAY),
        file(3, file_date=D1 + DAY, kind=None),
        file(4, file_date=D1 + DAY, state=State.WITHDRAWN),
    ]
    add(raw, file(1, file_date=D1), *others, loaded=loaded)
    assert stalled_feed(raw, D2) is None
    found = stalled_feed(raw, D3)
    assert found is not None
    assert found.sentence == (
        "nothing for 1 day: the newest file of any kind is of 2026-11-01; ask for what is missing"
    )
    assert (found.first_date, found.last_date, found.call_types) == (D1, D1, [])
    # One of the day after it was loaded counts.
    add(raw, file(5, file_date=D2), loaded=loaded)
    assert stalled_feed(raw, D3) is None


def test_a_publication_s_newest_day_is_that_of_its_files() -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute("create schema marts")
        assert stalled_feed(connection, D3) is None
        connection.execute(
            "create table marts.mart_feed_completeness as select * from"
            " (values (date '2026-11-01', 1), (date '2026-10-31', 1), (date '2026-11-02', 0))"
            " as t(file_date, files)"
        )
        found = stalled_feed(connection, D3)
        assert found is not None
        assert found.first_date == D1


def test_days_are_complete_when_every_one_is(raw: duckdb.DuckDBPyConnection) -> None:
    assert newest_complete_day(raw) is None
    assert not are_complete(raw, D1, D1)
    raw.execute(
        "create table marts.mart_report_dates as select * from (values (date '2026-11-01', true),"
        " (date '2026-11-02', true), (date '2026-11-03', false)) as t(report_date, is_complete)"
    )
    assert newest_complete_day(raw) == D2
    assert [are_complete(raw, D1, day) for day in (D1, D2, D3)] == [True, True, False]
    assert not are_complete(raw, D1 - DAY, D1)


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        (
            "kind_stalled",
            "stalled, while other kinds came: sip (nothing for 1 day, from 2026-11-02 on), "
            "app (nothing for 2 days, from 2026-11-01 on); ask for it",
        ),
        (
            "names_a_day_late",
            "names a day late in 3 files (sip, app; 2026-11-01 to 2026-11-02): 40 % of their calls ended on "
            "the day before; set CDR_NAME_DATE=generated? (what is staged: `cdr withdraw`, then stage it "
            "again)",
        ),
        (
            "names_a_day_early",
            "names a day early in 3 files (sip, app; 2026-11-01 to 2026-11-02): 40 % of their calls ended on "
            "the day after; is CDR_NAME_DATE=generated set where it is not so? Otherwise `cdr withdraw`, "
            "then stage with --file-date",
        ),
        (
            "unanswered_with_duration",
            "unanswered calls with a duration in 3 files (sip, app; 2026-11-01 to 2026-11-02): 40 % of the "
            "unanswered; ask whether Duration is talk time before you trust minutes",
        ),
        (
            "newest_day_open",
            "2026-11-02 is still open: of a day's calls usually come later 12 % of sip, 0 % of app",
        ),
    ],
)
def test_each_error_of_the_feed_is_a_sentence_over_its_kinds(finding: str, sentence: str) -> None:
    rows = [Row(finding, "sip", 1, 3, 4, 0.125, D2, D2), Row(finding, "app", 2, 1, 6, None, D1, D2)]
    (found,) = in_words([*rows, Row("another", "old", 9, 9, 9, 1, D1, D3)])
    assert found.sentence == sentence
    assert (found.call_types, found.first_date, found.last_date) == (["sip", "app"], D1, D2)


def test_a_change_of_a_delivery_is_due_and_a_failure_is_not(raw: duckdb.DuckDBPyConnection) -> None:
    first, second = (datetime.combine(day, datetime.min.time()) for day in (D1, D2))

    def hashed() -> str:
        return _hashed(_deliveries(raw))

    add(raw, file(1), loaded=first)
    add(raw, file(2), loaded=second)
    before = hashed()
    later = "update raw_sinch.files set {0} = {0} + interval 1 second where file_id = 2"
    for change in (
        *(later.format(name) for name in ("state_changed_at", "loaded_at")),
        "update raw_sinch.files set file_id = 3 where file_id = 2",
        "delete from raw_sinch.files where file_id = 1",
        "create table intermediate.build_log as select 'fact_calls' as model, 1 as logged_at",
        "update intermediate.build_log set model = 'fact_numbers'",
        "insert into intermediate.build_log values ('fact_calls', 0)",
    ):
        raw.execute(change)
        after = hashed()
        assert after != before, change
        before = after
    add(raw, file(8, state=State.FAILED), file(9, state=State.DUPLICATE))
    assert hashed() == before


def test_files_of_the_loader_and_of_benchmarks_are_no_part_of_the_dbt_project(tmp_path: Path) -> None:
    names = ["models/a.sql", "models/b.yml", "models/c.py", "tests/loader/d.sql", "tests/benchmarks/e.sql"]
    for name in (*names, "seeds/f.csv", "dbt_project.yml", "tests/loader.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    parts = [tmp_path / name for name in ("dbt_project.yml", "packages.yml", "models", "seeds", "tests")]
    assert [path.relative_to(tmp_path).as_posix() for path in _files(parts)] == [
        *("dbt_project.yml", "models/a.sql", "models/b.yml", "seeds/f.csv", "tests/loader.md"),
    ]


def test_tables_that_still_show_what_was_to_be_hidden(raw: duckdb.DuckDBPyConnection) -> None:
    assert _still_shown(raw) is None
    raw.execute(
        "create table intermediate.build_pii_modes"
        " (relation varchar, wanted varchar, shown varchar, entry integer);"
        "create table marts.a (x int); create table marts.b (x int); create table marts.e (x int)"
    )

    def log(entry: int, **modes: tuple[str, str | None]) -> None:
        for name, (wanted, shown) in modes.items():
            raw.execute(
                "insert into intermediate.build_pii_modes values (?, ?, ?, ?)",
                [f"marts.{name}", wanted, shown, entry],
            )

    # Hidden at last, asked for in clear, and gone since.
    log(1, a=("masked", "clear"), b=("clear", "masked"), c=("masked", "clear"))
    log(2, a=("masked", "masked"))
    assert _still_shown(raw) is None
    keep = "they keep their old content, in clear if it was; correct what failed and run `cdr build` again"
    log(3, a=("hashed", "masked"), d=("hashed", None))
    assert _still_shown(raw) == f"pii_mode is hashed, and marts.a, marts.d could not be built: {keep}"
    log(4, **dict.fromkeys(["d1", "d2", "d3"], ("hashed", None)))
    five = "marts.a, marts.d, marts.d1, marts.d2, marts.d3"
    assert _still_shown(raw) == f"pii_mode is hashed, and {five} could not be built: {keep}"
    log(5, e=("hashed", "clear"))
    assert _still_shown(raw) == f"pii_mode is hashed, and {five} and 1 more could not be built: {keep}"


def test_a_dry_run_forgets_what_nothing_later_is_compared_with(raw: duckdb.DuckDBPyConnection) -> None:
    def kept(records: Records, *files: File) -> list[int]:
        for table, ids in FILE_IDS.items():
            raw.execute(f"delete from raw_sinch.{table}")
            for number in ids:
                raw.execute(f"insert into raw_sinch.{table} (_file_id, _line) values ({number}, 2)")
        records.forget(raw, list(files))
        found = (raw.execute(f"select _file_id from raw_sinch.{kind}").fetchall() for kind in FILE_IDS)
        return sorted(number for rows in found for (number,) in rows)

    files = [file(1, staged=1), replace(file(2, staged=1), file_name="SIP_2.CSV"), file(4, kind="app_app")]
    assert kept(Records(), *files) == [1, 2, 3, 4]
    dry = Records(dry_run=True, repeated=frozenset({"sip_2.csv"}))
    # Nothing of a file was staged: its table is not looked at.
    assert kept(dry, *files) == [2, 3, 4]
    assert kept(dry, replace(files[2], staged=1)) == [1, 2, 3]


def test_many_files_are_listed_as_a_number() -> None:
    files = [file(number) for number in range(1, 8)]
    assert _listed(files[:1]) == "file 1"
    assert _listed(files[:2], named=True) == "files 1 (sip_1.csv) and 2 (sip_2.csv)"
    assert _listed(files[:5]) == "files 1, 2, 3, 4 and 5"
    assert _listed(files[:6]) == "files 1, 2, 3, 4 and 2 more"
    assert _listed(files) == "files 1, 2, 3, 4 and 3 more"


def test_a_day_that_is_missing_or_in_the_future_is_remarked() -> None:
    tomorrow = latest_day(now())
    assert _remark_on_day(file(1, file_date=tomorrow)) == ""
    assert _remark_on_day(file(1, file_date=tomorrow + DAY)).startswith(
        f"{tomorrow + DAY} is in the future, so it counts for no day of the feed; "
    )
    unknown = "its day is not known, by its name or by CallTime; "
    assert _remark_on_day(file(1, records=1)) == f"{unknown}withdraw it and stage it with --file-date"
    assert _remark_on_day(file(1)) == f"{unknown}stage it with --file-date"
    assert _remark_on_day(file(1, kind=None)) == ""


def test_what_is_loaded_decides_about_equal_names_and_contents(raw: duckdb.DuckDBPyConnection) -> None:
    group = LoadGroup(raw, None)
    content = SimpleNamespace(profile=SimpleNamespace(size=5))
    load: Any = SimpleNamespace(file=file(1, sha256="aa"), ready=SimpleNamespace(content=content))
    group.add(load)
    assert group.is_related(replace(file(2, sha256="bb"), file_name="SIP_1.csv"))
    assert group.is_related(file(2, sha256="aa"))
    assert not group.is_related(file(2, sha256="bb"))


def test_by_default_everything_is_staged_once(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []

    def staged() -> Report:
        seen.clear()
        return stage(
            find_deliveries((str(tmp_path / "in"),), Options()),
            tmp_path / "cdr.duckdb",
            Options(),
            lambda *each: seen.append(each),
        )

    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / f"{name}_2026-11-01.csv").write_text(delivery(f"call-{name}"))
    assert [each.state for each in staged().files] == ["current"] * 3
    # No more is reported as done than was given before.
    assert all(0 <= done <= at for at, (done, _, _) in enumerate(seen))
    assert [each[1:] for each in seen] == [(3, f"{name}_2026-11-01.csv") for name in "abc"] + [(3, "")]
    assert seen[-1][0] == 3
    again = staged()
    assert [each.state for each in again.files] == ["skipped"] * 3
    assert (again.exit_code, again.named, again.left_out) == (0, [], [])
    assert [done for done, _, _ in seen] == [0, 1, 2, 3]
    # Content that another replaced is not restored, though it is still there.
    (tmp_path / "in" / "later").mkdir()
    (tmp_path / "in" / "later" / "a_2026-11-01.csv").write_text(delivery("call-a", "call-x"))
    assert sorted(each.state for each in staged().files) == ["current", *["skipped"] * 3]
    assert [each.state for each in staged().files] == ["skipped"] * 4


@pytest.mark.parametrize(
    ("states", "over_limit", "code"),
    [
        ([], 0, 0),
        (["current", "skipped"], 0, 0),
        (["current"], 1, 1),
        (["current", "failed"], 0, 1),
        (["failed", "skipped"], 0, 1),
        (["failed", "failed"], 0, 2),
        # What is ignored changes nothing.
        (["failed", "ignored"], 0, 2),
        (["ignored"], 0, 0),
    ],
)
def test_the_exit_code_of_files(states: list[str], over_limit: int, code: int) -> None:
    files = [file(number, state=state) for number, state in enumerate(states)]
    report = Report(files, files[:over_limit], [], None, {}, [], [])
    assert report.exit_code == code


def test_an_archive_is_named_beside_its_folder_in_any_order(tmp_path: Path) -> None:
    members = {f"sip_{day}.csv": delivery(str(day)).encode() for day in (D1, D2)}
    archive = tmp_path / "days.zip"
    archive.write_bytes(zipped(members))
    for paths in ((archive, tmp_path), (tmp_path, archive)):
        found = discover(tuple(map(str, paths)))
        assert [(each.file_name, each.named, each.explicit) for each in found] == [
            ("sip_2026-11-01.csv", True, False),
            ("sip_2026-11-02.csv", True, False),
        ]
    assert [each.named for each in discover((str(tmp_path),))] == [False, False]


def test_hidden_and_half_written_files_are_ignored_in_folders_and_archives(tmp_path: Path) -> None:
    names = {
        "a.csv": None,
        "a.csv.part": "half-written file by its name",
        "a.csv.TMP": "half-written file by its name",
        "a.csv~": "half-written file by its name",
        ".a.csv": "hidden file",
    }
    inside = {**names, "__MACOSX/b.csv": "hidden file", ".git/b.csv": "hidden file", "x/../b.csv": None}
    (tmp_path / "all.zip").write_bytes(zipped(dict.fromkeys(inside, b"x")))
    found = discover((str(tmp_path / "all.zip"),))
    assert {each.source.location.partition("!")[2]: each.ignored for each in found} == inside
    (tmp_path / "all.zip").unlink()
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / ".git").mkdir()
    found = discover((str(tmp_path),))
    assert {Path(each.source.location).name: each.ignored for each in found} == {
        **names,
        ".git": "hidden folder",
    }
    # Who names a file means it.
    (named,) = discover((str(tmp_path / "a.csv.part"),))
    assert (named.ignored, named.explicit) == (None, True)


def test_a_purge_is_of_files_before_its_day(raw: duckdb.DuckDBPyConnection) -> None:
    loaded = datetime.combine(D1, datetime.max.time())
    purged = "purged on 2026-11-01"
    add(
        raw,
        file(1, file_date=D1, staged=5, rejected=2),
        file(2, file_date=D1, staged=7, rejected=1, state=State.SUPERSEDED, header="a;b"),
        file(3, file_date=D2, staged=9),
        file(4, file_date=D1, staged=9, state=State.WITHDRAWN, message=purged),
        file(5, state=State.FAILED, header="a;b"),
        file(6, file_date=D2, state=State.FAILED),
        file(7, file_date=D1, state=State.DUPLICATE),
        file(8, file_date=D1, state=State.DUPLICATE, message=purged),
        file(9),
        loaded=loaded,
    )
    for number in range(1, 10):
        raw.execute(f"insert into raw_sinch.sip_terminated (_file_id, _line) values ({number}, 2)")
        raw.execute(f"insert into raw_sinch.rejected_records (file_id, line) values ({number}, 3)")
    raw.execute("create schema x_dbt_test__audit; create table x_dbt_test__audit.t (x int)")
    raw.execute("create table marts.fact_calls as select 1 as file_id, 'number' as caller")
    found, others = _choose(raw, D2)
    assert ([each.file_id for each in found.files], others) == ([1, 2], [5, 7])
    assert (found.records, found.rejects, found.failed, found.undated) == (12, 3, 1, 1)
    assert not _is_in_tables(raw, D2)
    # Those of the two files that were purged before; a table that is not there has none.
    assert (_left_in(raw, "raw_sinch", "sip_terminated", D2), _left_in(raw, "marts", "x", D2)) == (2, 0)
    _delete(raw, [1, 2], others)
    for table, column in (("sip_terminated", "_file_id"), ("rejected_records", "file_id")):
        left = raw.execute(f"select {column} from raw_sinch.{table} order by all").fetchall()
        assert [number for (number,) in left] == [3, 4, 5, 6, 7, 8, 9]
    rows = raw.execute(
        "select file_id, state, starts_with(message, 'purged on '), header from raw_sinch.files order by 1"
    ).fetchall()
    assert rows[:5] == [
        (1, "withdrawn", True, None),
        (2, "withdrawn", True, None),
        (3, "current", False, None),
        (4, "withdrawn", True, None),
        (5, "failed", True, None),
    ]
    assert [row[:3] for row in rows[5:]] == [
        *((6, "failed", False), (7, "duplicate", True), (8, "duplicate", True), (9, "current", False)),
    ]
    audit = "from duckdb_tables() where schema_name = 'x_dbt_test__audit'"
    assert raw.execute(audit).fetchall() == []
    # Calls are in the tables until the next build; to a purge before their day they are nothing.
    assert _is_in_tables(raw, D2)
    assert not _is_in_tables(raw, D1)
    assert (_left_in(raw, "marts", "fact_calls", D2), _left_in(raw, "marts", "fact_calls", D1)) == (1, 0)
    raw.execute("drop table marts.fact_calls")
    raw.execute("create table intermediate.build_log as select '2|sip' as unit")
    assert _is_in_tables(raw, D2)
    raw.execute("update intermediate.build_log set unit = '2026-11-01'")
    assert not _is_in_tables(raw, D2)


@pytest.mark.parametrize(
    ("schema", "name", "is_ours"),
    [
        ("raw_sinch", "files", True),
        ("raw_sinch", "theirs", False),
        ("marts", "fact_calls", True),
        ("marts", "build_log", True),
        ("marts", "day_history", True),
        ("marts", "theirs", False),
        ("main", "fact_calls", False),
        ("main", "build_log", False),
    ],
)
def test_tables_that_a_build_makes_are_ours(schema: str, name: str, is_ours: bool) -> None:
    assert _is_ours(schema, name, frozenset({("marts", "fact_calls")})) is is_ours


def test_the_end_of_a_reader_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loader.cli.main._stdout_into_nothing", lambda: None)
    with pytest.raises(SystemExit) as ended:
        _reader_is_gone()
    assert ended.value.code == 0


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Print a table on a terminal of forty columns; return its lines."""
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "40", "TTY_COMPATIBLE": "1"}.items():
        monkeypatch.setenv(name, value)

    def printed(columns: tuple[str, ...], *rows: tuple[object, ...], **options: Any) -> list[str]:
        output.print_table(columns, rows, **options)
        return capsys.readouterr().out.splitlines()

    return printed


def test_the_head_of_a_table_alone_is_bold(terminal: Any) -> None:
    assert terminal(("name", "n"), ("a", 1234), ("b", None)) == [
        "\x1b[1mname      n\x1b[0m",
        "a     1,234",
        "b",
    ]


def test_columns_of_one_value_are_in_a_line_above_from_three_rows_on(terminal: Any) -> None:
    rows = [("a", "same", 1), ("b", "same", 2), ("c", "same", 3)]
    assert terminal(("name", "kind", "n"), *rows) == [
        "all: kind same",
        "\x1b[1mname  n\x1b[0m",
        *("a     1", "b     2", "c     3"),
    ]
    assert terminal(("name", "kind", "n"), *rows[:2])[1:] == ["a     same  1", "b     same  2"]
    assert terminal(("name", "kind", "n"), *rows, wide=True)[1] == "a     same  1"
    # A value that is nowhere is not named, and one column stays.
    assert terminal(("x", "y"), *[("", "b")] * 3) == ["all: y b", "\x1b[1mx\x1b[0m", "", "", ""]


def test_a_table_that_is_too_wide_loses_columns_and_middles(terminal: Any) -> None:
    columns, row = ("file_name", "note", "n"), ("abcdefghijklmnopqrstuvwxyz", "n" * 8, 5)
    # 26 + 8 + 1 and two gaps of two are 39.
    assert terminal(columns, row)[1] == f"{row[0]}  {row[1]}  5"
    assert terminal(columns, (*row[:2], 55))[1] == f"{row[0]}  {row[1]}  55"
    assert terminal(columns, (*row[:2], 555))[1] == f"abcdefghijkl…opqrstuvwxyz  {row[1]}  555"
    # With a column that may be left out nothing is cut; the shortest name has sixteen characters.
    long = ("abcdefghijklmnopqrstuvwxyz", "n" * 20, 555)
    assert terminal(columns, long, optional=("note",))[1] == f"{row[0]}  555"
    assert terminal(columns, (row[0], "n" * 17, 555))[1] == f"abcdefg…stuvwxyz  {'n' * 17}  555"
