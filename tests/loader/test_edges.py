"""Limits to the unit, and cases that no other test meets, found by `make mutants`."""

import errno
import fcntl
import json
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from builders import delivery, record
from harness import Loader

from loader.builds.build import Build
from loader.builds.variables import argument
from loader.cli.facts import _free, print_status, print_summary
from loader.cli.main import _code_without
from loader.cli.output import print_json, print_table, shown
from loader.cli.staged import print_report
from loader.database.disk import is_full, no_room
from loader.database.feed import FeedFinding
from loader.database.lock import Deadline, lock_file, remove_stale_lock
from loader.database.manifest import File, State
from loader.database.space import Blocks
from loader.errors import CdrError
from loader.inputs.content import TextProfile
from loader.inputs.naming import base_name, dates_in_name
from loader.inputs.object_storage import Bucket, explained
from loader.inputs.opening import Fingerprint
from loader.inputs.remote_files import _object
from loader.inputs.signatures import is_known, is_text
from loader.operations.init import installed_from
from loader.operations.status import Kind, LastBuild, Status
from loader.parsing.header import Columns
from loader.parsing.records import Reject
from loader.report.summary import KindOfDay, Spend, Summary, WaitingRule
from loader.staging.insert import odd_width
from loader.staging.looks import Look
from loader.staging.options import Limit
from loader.staging.replacement import Replacement, of_most_days
from loader.staging.stage import Report
from loader.staging.versioning import Change, decide


@pytest.mark.parametrize("mode", ["masked", "hashed"])
@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_publication_has_the_marts_of_a_copy_built_in_its_mode(
    cdr: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, exit_code: int
) -> None:
    def build(copy: Path, arguments: tuple[str, ...], **_: Any) -> SimpleNamespace:
        assert arguments[:2] == ("--vars", f"pii_mode: {mode}")
        with duckdb.connect(copy) as connection:
            connection.execute("update marts.fact_calls set caller = ?", [mode])
        return SimpleNamespace(exit_code=exit_code)

    monkeypatch.setattr("loader.builds.build.build", build)
    cdr.write("sip.csv", delivery("a"))
    cdr.stage("sip.csv")
    cdr.execute("create schema marts; create table marts.fact_calls as select 'clear' as caller")
    out = tmp_path / "out.duckdb"
    if exit_code:
        assert f"could not be built {mode}; nothing is published" in cdr.error(
            "publish", out, "--pii-mode", mode
        )
        assert not out.exists()
    else:
        cdr("publish", out, "--pii-mode", mode)
        assert Loader(out, tmp_path).query("from marts.fact_calls") == [(mode,)]
    assert cdr.query("from marts.fact_calls") == [("clear",)]


def test_status_counts_failures_and_the_rejects_of_current_files(cdr: Loader) -> None:
    def counted() -> tuple[int, int]:
        found = cdr.json("status")
        return found["open_rejects"], found["failed_files"]

    cdr.write("sip_2026-11-22.csv", delivery("a", "b") + "too;few\n")
    cdr.stage("sip_2026-11-22.csv", code=1)
    assert counted() == (1, 0)
    cdr.write("sip_2026-11-22.csv", delivery("a", "b", "c"))
    cdr.stage("sip_2026-11-22.csv")
    assert counted() == (0, 0)
    cdr.write("app_2026-11-22.csv", "CallId;Result\n")
    cdr.stage("app_2026-11-22.csv", code=2)
    assert counted() == (0, 1)


def known(state: State, name: str = "x.csv", message: str = "") -> list[File]:
    return [
        File(1, name, f"/in/{name}", "app_app", date(2026, 11, 22), sha256="A", state=state, message=message)
    ]


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    ("same", "has_records", "expected"),
    [
        # What was purged stays out under any name.
        (known(State.WITHDRAWN, message="purged on 2026-11-30"), True, "skip"),
        (known(State.WITHDRAWN, "y.csv", "purged on 2026-11-30"), True, "duplicate"),
        # Two empty files of two names are two deliveries.
        (known(State.CURRENT), False, "skip"),
        (known(State.CURRENT, "y.csv"), False, "load"),
        (known(State.WITHDRAWN, "y.csv"), False, "load"),
    ],
)
def test_what_is_decided_of_purged_and_empty_files(
    same: list[File], has_records: bool, expected: str, again: bool
) -> None:
    file = File(0, "x.csv", "/in/x.csv", "app_app", sha256="A")
    decision = decide(same, file, has_records, again)
    got = "load" if decision.existing is None else "skip" if decision.redelivered else "duplicate"
    assert got == expected


def test_a_line_that_names_the_separator_alone_is_no_record(cdr: Loader) -> None:
    cdr.write("sip_terminated_2026-11-22.csv", "sep=;\n")
    (found,) = cdr.stage(".", code=2)
    assert found["state"] == "failed"
    assert found["message"].startswith("there is no header and records have 2 fields")


def test_a_carriage_return_inside_one_record_ends_no_line(cdr: Loader) -> None:
    cdr.write("sip_terminated_2026-11-22.csv", record(call_id="a\rb"))
    (found,) = cdr.stage(".")
    assert found["state"] == "current"
    assert cdr.records(columns='"CallId"') == [(1, "a\rb")]


@pytest.mark.parametrize("rows", ["a;b;c\rd;e;f", "\ra;b;c\r\rd;e;f\r"])
def test_rows_of_three_fields_are_enough_to_see_their_line_ends(cdr: Loader, rows: str) -> None:
    cdr.write("sip_terminated_2026-11-22.csv", rows)
    (found,) = cdr.stage(".", code=2)
    assert found["message"] == "line ends are CR alone; convert them to LF"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a_19991231.csv", []),
        ("a_20000101.csv", [date(2000, 1, 1)]),
        ("a_20991231.csv", [date(2099, 12, 31)]),
        ("a_21000101.csv", []),
        ("05-06-2026 and 25-06-2026", [date(2026, 6, 5), date(2026, 6, 25)]),
    ],
)
def test_years_that_a_name_can_have(name: str, found: list[date]) -> None:
    assert dates_in_name(name) == found


@pytest.mark.parametrize(
    ("name", "base"), [("x.csv.GZ", "x.csv"), ("x.csv.gz.zst", "x.csv"), (".zip", ".zip"), ("a.zip", "a")]
)
def test_a_name_without_its_compression(name: str, base: str) -> None:
    assert base_name(name) == base


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\0" + b"a" * 49, True),
        (b"\0" + b"a" * 48, False),
        (b"\0\0" + b"a" * 98, True),
        (b"\0\0" + b"a" * 97, False),
        (b"", False),
        ("sixteen or more".encode("utf-16-le"), True),
        ("four".encode("utf-32-be"), True),
        ("two".encode("utf-32-le"), False),
    ],
)
def test_what_is_a_text_by_its_first_bytes(head: bytes, expected: bool) -> None:
    assert is_text(head) is expected


def test_a_tar_archive_is_known_by_its_257th_byte() -> None:
    assert is_known(b"\0" * 257 + b"ustar")
    assert not is_known(b"\0" * 256 + b"ustar\0")
    assert not is_known(b"\0" * 258 + b"ustar")


@pytest.mark.parametrize(
    ("text", "is_limit"),
    [
        ("0", True),
        ("0%", True),
        ("12", True),
        ("0.5%", True),
        ("0.5", False),
        ("-1", False),
        ("inf", False),
        ("inf%", False),
        ("many", False),
        ("", False),
    ],
)
def test_what_a_limit_of_rejects_can_be(text: str, is_limit: bool) -> None:
    if is_limit:
        limit = Limit.parse(text)
        assert (limit.number, limit.percent) == (float(text.removesuffix("%")), text.endswith("%"))
    else:
        with pytest.raises(CdrError):
            Limit.parse(text)


def test_a_limit_is_passed_by_more() -> None:
    assert [Limit(2).is_passed_by(rejected, 1000) for rejected in (2, 3)] == [False, True]
    assert [Limit(1, percent=True).is_passed_by(rejected, 200) for rejected in (2, 3)] == [False, True]


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (("--vars", "a"), "a"),
        (("--vars=a=b",), "a=b"),
        (("--vars", "a", "--vars=b"), "b"),
        (("--vars=a", "--vars", "b"), "b"),
        (("--target", "--vars"), None),
        (("--varsity=a",), None),
        ((), None),
    ],
)
def test_the_last_value_of_an_option_of_dbt_counts(arguments: tuple[str, ...], value: str | None) -> None:
    assert argument(arguments, "--vars") == value


def test_a_full_disk_is_seen_behind_other_errors() -> None:
    full, outer, plain = OSError(errno.ENOSPC, "full"), ValueError("of it"), ValueError("else")
    assert is_full(full)
    assert is_full(OSError("IO Error: no space left on device"))
    assert not is_full(plain)
    assert not is_full(None)
    outer.__context__ = full
    assert is_full(outer)
    outer.__cause__ = plain
    assert not is_full(outer)
    plain.__context__ = full
    assert is_full(outer)


def test_the_room_needed_is_at_least_32_megabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    free = {tmp_path: 3 << 30, other: 5 << 20}
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=free[folder]))
    folders = [tmp_path, other, tmp_path / "none"]
    assert no_room(folders, 1) == f"the disk of {other} is full: 5 MiB are free, about 32 MiB are needed"
    assert no_room([tmp_path], 64 << 20).endswith("is full: 3,072 MiB are free, about 64 MiB are needed")


def a_change(day: int, lacking: int, staged: int, files: int = 1) -> Change:
    when = date(2026, 11, day)
    replaced = [File(at, "x", "/x", file_date=when, staged=staged) for at in range(files)]
    return Change(File(0, "x", "/x", file_date=when), superseded=replaced, lacking=lacking)


def test_most_days_are_replaced_by_less_on_more_than_three() -> None:
    current = Counter({date(2026, 11, day): 1 for day in range(1, 6)})
    changes = [a_change(day, lacking=6, staged=10) for day in (1, 2, 3)]
    assert of_most_days(changes, current) is None
    days = [date(2026, 11, day) for day in (1, 2, 3, 4)]
    assert of_most_days([*changes, a_change(4, 6, 10)], current) == Replacement(days, 4, 40, 16)
    # Half of the records, or half of the day's files, is not most.
    assert of_most_days([*changes, a_change(4, 5, 10)], current) is None
    current[days[3]] = 2
    assert of_most_days([*changes, a_change(4, 6, 10)], current) is None
    assert of_most_days([*changes, a_change(4, 6, 5, files=2)], current) == Replacement(days, 5, 40, 16)


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ("status code: 401 Unauthorized", "access is denied (401); check the credentials"),
        ("status code: 403 Forbidden", "access is denied (403); check the credentials"),
        ("status code: 404 Not Found", "there is no such bucket"),
        ("status code: 301 Moved", "the store refuses the request"),
        ("status code: 307 Redirect", "the store refuses the request"),
        ("status code: 400 Bad Request", "the store refuses the request"),
        ("redirect without LOCATION", "the store refuses the request"),
        ("error: BadScheme", "the endpoint is not encrypted"),
        ("status code: 503 Slow Down", "the store answers 503, after 3 retries"),
        ("connection refused", "the store cannot be reached, after 3 retries"),
        ("no answer of http://169.254.169.254/latest/meta-data", "no credentials are found"),
        ("account must be specified", "no credentials are found"),
    ],
)
def test_each_error_of_a_store_has_its_words(text: str, explanation: str) -> None:
    assert explained(OSError(text)).startswith(explanation)


@pytest.mark.parametrize(
    ("details", "sentence"),
    [
        (["3 fields where the file has 2"] * 2, "every record has 3 fields where the file has 2"),
        (["3 fields where the file has 2; cut"], "every record has 3 fields where the file has 2"),
        (["3 fields where the file has 2", "4 fields where the file has 2"], ""),
        (["an open quote"], ""),
        ([], ""),
    ],
)
def test_what_all_rejects_have_in_common(details: list[str], sentence: str) -> None:
    columns = Columns("sip_terminated", ("CallId", "Result"))
    assert odd_width(columns, [Reject(1, "", "reason", detail) for detail in details]) == sentence


@pytest.mark.parametrize(
    ("free", "total", "shown"),
    [(0, 0, "0 % free"), (1, 3, "33 % free"), (2, 5, "40 % free; `cdr compact` frees it")],
)
def test_what_is_free_is_worth_a_rewrite_beyond_a_third(free: int, total: int, shown: str) -> None:
    assert _free(Blocks(bytes=0, total=total, free=free)) == shown


def a_file(state: str = "current", **values: Any) -> File:
    return File(7, "x.csv", "/in/x.csv", "app_app", date(2026, 11, 22), state=state, **values)


def a_report(*files: File, **values: Any) -> Report:
    lists: dict[str, Any] = {"over_limit": [], "superseding": [], "named": [], "left_out": []}
    return Report(list(files), **{**lists, "replacement": None, "first_rejects": {}, **values})


DAY = Summary(
    report_date=date(2026, 11, 22),
    calls=1200,
    answers=1,
    kinds=[KindOfDay("app_app", 2, 1, 0.5), KindOfDay("app_phone", 1, 0, None)],
    spend=[Spend("EUR", Decimal(150), Decimal(100)), Spend("USD", Decimal("1.5"), Decimal(0))],
    unreadable_values=1,
    missing_days=2,
    waiting_rules=[
        WaitingRule("drop", "silent", 3, 28),
        WaitingRule("spike", "silent", 3, 14),
        WaitingRule("new", "short_history", 4, 28),
    ],
    feed=[FeedFinding("missing", [], date(2026, 11, 1), date(2026, 11, 1), "A file is missing.")],
)
NO_DAY = Summary(None, 0, 0, [], [], 0, 0, [], [])
LOOKED_AT = [a_file(records=5, rejected=1), a_file(), a_file("skipped", rejected=9)]


@pytest.mark.parametrize(
    ("files", "built", "problem", "summary", "lines"),
    [
        (
            [*LOOKED_AT, a_file("failed"), a_file("duplicate")],
            None,
            None,
            DAY,
            [
                "files       2 new (1 without records), 1 known, 1 failed, 1 duplicate, 1 record rejected",
                "2026-11-22  1,200 calls, 1 answer; ASR: app_app 50.0 %, app_phone unknown",
                "spend       EUR 150.00 (+50.0 % on the day before)",
                "spend       USD 1.50",
                "missing     2 files of a day and kind; see marts.mart_feed_completeness",
                "feed        A file is missing.",
                "unreadable  1 value; see mart_feed_invalid_fields",
                "rules       silent, days of history 3: drop (of 28), spike (of 14)",
                "rules       in their form for short histories, days of history 4: new (of 28)",
                "warning     be careful",
                "time        stage 1.2 s, nothing new, nothing built",
            ],
        ),
        (
            [a_file(records=1)],
            Build([{"status": "skipped"}, {"status": "success"}], 1),  # type: ignore[typeddict-item]
            None,
            NO_DAY,
            [
                "files       1 new, 0 known, 0 failed, 0 records rejected",
                "newest day  none is complete yet; see marts.mart_report_dates",
                "warning     be careful",
                "skipped     1 models and tests behind what failed",
                "time        stage 1.2 s, build 3.4 s",
            ],
        ),
        (
            [a_file(records=1), a_file(records=1)],
            Build([], 0),
            "no room",
            replace(NO_DAY, report_date=date(2026, 11, 22)),
            [
                "files       2 new, 0 known, 0 failed, 0 records rejected",
                "2026-11-22  0 calls, 0 answers",
                "warning     be careful",
                "not built   2 files are staged, the tables are as they were: no room",
                "time        stage 1.2 s, not built",
            ],
        ),
        (
            [a_file(records=1)],
            None,
            "no room",
            None,
            [
                "files       1 new, 0 known, 0 failed, 0 records rejected",
                "warning     be careful",
                "not built   1 file is staged, the tables are as they were: no room",
                "time        stage 1.2 s, not built",
            ],
        ),
        (
            [],
            None,
            "no room",
            None,
            [
                "files       0 new, 0 known, 0 failed, 0 records rejected",
                "warning     be careful",
                "not built   the tables are as they were: no room",
                "time        stage 1.2 s, not built",
            ],
        ),
    ],
)
def test_what_a_run_says(
    capsys: pytest.CaptureFixture[str],
    files: list[File],
    built: Build | None,
    problem: str | None,
    summary: Summary | None,
    lines: list[str],
) -> None:
    print_summary(a_report(*files), built, problem, ["be careful"], summary, staged_in=1.23, built_in=3.41)
    assert capsys.readouterr().out.splitlines() == ["", *lines]


def test_what_status_says(capsys: pytest.CaptureFixture[str]) -> None:
    first, last = date(2026, 11, 1), date(2026, 11, 22)
    ended = datetime(2026, 11, 23, 5, 30)  # noqa: DTZ001 – without a zone, as DuckDB gives it
    found = Status(
        database=Path("/db"),
        kinds=[
            Kind("app_app", 1, 1000, first, last, []),
            Kind("app_phone", 2, 1, first, last, [first]),
            Kind("sip_terminated", 0, 0, None, None, []),
        ],
        newest_complete_day=last,
        feed=[FeedFinding("missing", [], first, first, "A file is missing.")],
        newest_day=last,
        age_days=1,
        open_rejects=1,
        failed_files=2,
        files_behind=0,
        days_behind=1,
        last_build=LastBuild(ended, "build", False, ["a", "b", "c", "d", "e", "f"], 1),
        blocks=Blocks(3 << 20, 10, 1),
        versions={"duckdb": "2", "dbt": "1"},
    )

    def lines_of(status: Status) -> list[str]:
        print_status(status)
        return capsys.readouterr().out.splitlines()

    kinds = [
        "  app_app           2026-11-01 to 2026-11-22, 1 file, 1,000 records",
        "  app_phone         2026-11-01 to 2026-11-22, 2 files, 1 record, 1 day missing",
    ]
    assert lines_of(found) == [
        "database    /db",
        "size        3.0 MiB, 10 % free",
        *kinds,
        "complete    up to the report date 2026-11-22",
        "feed        A file is missing.",
        "rejects     1 record of current files (`cdr rejects`)",
        "failed      2 files (`cdr files --state failed`)",
        "build       2026-11-23 05:30 UTC, dbt build FAILED: a, b, c, d, e, 1 warning",
        "behind      tables are behind 1 day; run `cdr build`",
        "versions    duckdb 2, dbt 1",
    ]
    passed = LastBuild(ended, "run", True, [], 0)
    quiet = replace(found, newest_complete_day=None, feed=[], failed_files=0, days_behind=0)
    assert lines_of(replace(quiet, last_build=passed))[2:-1] == [
        *kinds,
        "rejects     1 record of current files (`cdr rejects`)",
        "build       2026-11-23 05:30 UTC, dbt run passed",
    ]
    assert lines_of(replace(quiet, files_behind=2, last_build=None))[-3:-1] == [
        "build       none yet; `cdr build`",
        "behind      tables are behind 2 files; run `cdr build`",
    ]


def test_many_files_are_shown_by_kind(capsys: pytest.CaptureFixture[str]) -> None:
    files = [
        *(replace(a_file(records=2, staged=1, rejected=1), path=str(at)) for at in range(19)),
        replace(a_file(), path="19", kind="sip_terminated", file_date=None),
        replace(a_file(), path="20", file_date=date(2026, 11, 1)),
        replace(a_file("skipped"), path="21"),
    ]
    print_report(a_report(*files), quiet=False, verbose=False)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["kind", "files", "file_dates", "records", "staged", "rejected"],
        ["app_app", "20", "2026-11-01", "to", "2026-11-22", "38", "19", "19"],
        ["sip_terminated", "1", "0", "0", "0"],
        ["1", "file", "is", "known", "and", "unchanged", "(-v", "lists", "them)"],
    ]
    print_report(a_report(*files[1:]), quiet=False, verbose=False)
    assert len(capsys.readouterr().out.splitlines()) == 1 + 20 + 1


def test_what_is_not_staged_is_named_up_to_twenty(capsys: pytest.CaptureFixture[str]) -> None:
    out = [replace(a_file("skipped"), path=str(at), message="replaced") for at in range(21)]
    for number, more in ((20, []), (21, ["cdr: 1 more are not staged; -v lists the reasons"])):
        print_report(a_report(named=out[:number], left_out=out[:number]), quiet=True, verbose=False)
        lines = capsys.readouterr().err.splitlines()
        assert lines == [*(f"cdr: {at}: not staged: replaced" for at in range(20)), *more]


def test_a_shrunk_version_is_named_with_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    earlier = [replace(a_file(staged=6), file_id=1), replace(a_file(staged=4), file_id=2)]
    changes = [Change(a_file(), superseded=earlier, lacking=lacking) for lacking in (5, 6)]
    print_report(a_report(a_file(), superseding=changes), quiet=True, verbose=False)
    assert capsys.readouterr().err == (
        "cdr: /in/x.csv: has the calls of less than half of the 10 records that it replaces (4; file 1, 2); "
        "if that is wrong: `cdr withdraw 7`, then stage the right file with --again\n"
    )


def test_tables_in_a_pipe_are_a_hundred_wide(capsys: pytest.CaptureFixture[str]) -> None:
    """Words are broken between lines; the column of the longest word goes below where it does not fit."""

    def printed(columns: tuple[str, ...], *rows: tuple[object, ...]) -> list[str]:
        print_table(columns, rows)
        return capsys.readouterr().out.splitlines()

    wide = "w " * 44 + "end"
    assert printed(("file_id", "text"), (1000, wide), (1, None)) == [
        "file_id  text",
        f"   1000  {wide}",
        "      1",
    ]
    assert printed(("file_id", "text"), (1000, f"w {wide}"), (1, None)) == [
        "file_id  text",
        f"   1000  {'w ' * 45}".rstrip(),
        "         end",
        "      1",
    ]
    assert printed(("name", "n", "path"), ("a", 1234, "p" * 90), ("b", 5, "q" * 97)) == [
        "name      n",
        "    path",
        "a     1,234",
        f"    {'p' * 90}",
        "b         5",
        f"    {'q' * 96}",
        "    q",
    ]


@pytest.mark.parametrize(
    ("recorded", "requirement"),
    [
        (None, "cdr-tables==1.2"),
        (
            {"url": "https://x/y", "vcs_info": {"vcs": "git", "commit_id": "c"}},
            "cdr-tables @ git+https://x/y@c",
        ),
        (
            {"url": "https://x/y.whl", "archive_info": {"hashes": {"sha256": "h"}}},
            "cdr-tables @ https://x/y.whl --hash=sha256:h",
        ),
        ({"url": "https://x/y.whl"}, "cdr-tables @ https://x/y.whl"),
        ({"url": "file://WHEEL"}, f"cdr-tables @ file://WHEEL --hash=sha256:{sha256(b'wheel').hexdigest()}"),
        (
            {"url": "file://WHEEL", "archive_info": {"hashes": {"sha256": "h"}}},
            "cdr-tables @ file://WHEEL --hash=sha256:h",
        ),
    ],
)
def test_the_requirement_is_what_pip_has_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: dict[str, Any] | None, requirement: str
) -> None:
    wheel = tmp_path / "y.whl"
    wheel.write_bytes(b"wheel")
    text = json.dumps(recorded).replace("WHEEL", str(wheel)) if recorded else None
    package = SimpleNamespace(version="1.2", read_text=lambda _: text)
    monkeypatch.setattr("loader.operations.init.distribution", lambda _: package)
    assert installed_from() == requirement.replace("WHEEL", str(wheel))


@pytest.mark.parametrize(
    ("text", "removed"), [("", True), ("123", True), ("1" * 20, True), ("1" * 21, False), ("mine", False)]
)
def test_a_lock_file_of_a_killed_command_is_removed_and_no_other(
    tmp_path: Path, text: str, removed: bool
) -> None:
    path = lock_file(tmp_path / "cdr.duckdb")
    path.write_text(text)
    remove_stale_lock(tmp_path / "cdr.duckdb")
    assert path.exists() is not removed
    path.write_text("123")
    other = tmp_path / "other"
    other.hardlink_to(path)
    remove_stale_lock(tmp_path / "cdr.duckdb")
    assert path.exists()
    other.unlink()
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        remove_stale_lock(tmp_path / "cdr.duckdb")
        assert path.exists()


def test_a_deadline_has_never_less_than_nothing_left() -> None:
    assert Deadline(time.monotonic() - 5).left == 0
    assert 4 < Deadline(time.monotonic() + 5).left <= 5


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([b"a\r\n", b"b\r\n"], {"crlf": 2, "lines": 2, "uniform": True, "longest": 2}),
        ([b"a\r", b"\nb"], {"crlf": 1, "lines": 2, "uniform": True, "longest": 2}),
        ([b"a\r", b"b\n"], {"crlf": 0, "lines": 1, "uniform": False, "longest": 3}),
        ([b"a\n", b"b\r\n"], {"crlf": 1, "lines": 2, "uniform": False}),
        ([b"a\n\nb", b"bb\n"], {"lines": 3, "uniform": True, "longest": 3}),
        ([b"\xef\xbb\xbf"], {"bom": 3, "lines": 0}),
        ([b"\xef\xbb\xbf" + b'"'], {"quotes": 1, "has_opening_quote": True, "lines": 1}),
        ([b'a"b"'], {"quotes": 2, "has_opening_quote": False}),
        ([b"a;", b'"'], {"quotes": 1, "has_opening_quote": True}),
        ([b"a\n", b'"'], {"has_opening_quote": True}),
        ([b"\xc3", b"\xa4\n"], {"valid_utf8": True}),
        ([b"\xc3", b"a\n"], {"valid_utf8": False, "uniform": False}),
        ([b"a\n\xc3"], {"valid_utf8": False}),
        ([b"a\0\n", b"b\n"], {"has_nul": True, "uniform": False}),
    ],
)
def test_the_profile_of_a_text(blocks: list[bytes], expected: dict[str, Any]) -> None:
    profile = TextProfile()
    for block in blocks:
        profile.add(block)
    profile.finish()
    assert {name: getattr(profile, name) for name in expected} == expected


def test_an_object_without_an_etag_is_known_by_size_and_time() -> None:
    def seen(**changes: Any) -> Fingerprint:
        when = datetime(2026, 11, 22, 10, tzinfo=UTC)
        meta = {"path": "in/x.csv", "size": 9, "last_modified": when, "e_tag": None, **changes}
        return _object(Bucket("s3://bucket", None), meta).fingerprint()  # type: ignore[arg-type]

    later = datetime(2026, 11, 22, 10, 0, 1, tzinfo=UTC)
    assert seen() == Fingerprint(9, 1_795_341_600_000_000_000)
    look = Look("||", 1, later.replace(tzinfo=None), seen())
    assert look.is_of(seen())
    assert not look.is_of(seen(size=8))
    assert not look.is_of(seen(last_modified=later))
    assert not look.is_settled
    assert replace(look, seen=seen(e_tag="1")).is_settled


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (1234567, "1,234,567"),
        (1234.0, "1,234"),
        (1234.5, "1234.5"),
        (date(2026, 11, 22), "2026-11-22"),
        (datetime(2026, 11, 22, 5, 6, 7, 8), "2026-11-22 05:06:07"),  # noqa: DTZ001 – as DuckDB gives it
        ("a\x1b", "a\\x1b"),
    ],
)
def test_values_for_people(value: object, text: str) -> None:
    assert shown(value) == text


def test_values_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    when = datetime(2026, 11, 22, 5, 6, 7, 8)  # noqa: DTZ001 – as DuckDB gives it
    print_json({"at": when, "day": date(2026, 11, 22), "path": Path("/ä"), "one": 1})
    assert capsys.readouterr().out == (
        '{\n  "at": "2026-11-22T05:06:07.000008Z",\n  "day": "2026-11-22",\n  "path": "/ä",\n  "one": 1\n}\n'
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["files"], 2),
        (["--help"], 2),
        (["run", "in"], 1),
        (["stage", "in", "--dry-run"], 2),
        (["publish"], 1),
    ],
)
def test_lost_output_is_nothing_done_where_a_command_only_reads(arguments: list[str], code: int) -> None:
    assert _code_without(arguments) == code
