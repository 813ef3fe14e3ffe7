"""What real files do: headers, versions, names and contents as public reports describe them."""

import gzip
import io
import os
import time
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from builders import delivery, header, record, zipped
from harness import Loader

from loader.database.manifest import File, State
from loader.errors import CdrError
from loader.inputs.naming import Days, dates_in_name, days_in_names
from loader.staging.options import Options
from loader.staging.replacement import Replacement
from loader.staging.stage import find_deliveries, stage
from loader.staging.versioning import Change, decide

DAY = "2026-11-22"
PHONE = "+46701234567"


def touch(path: Path, seconds: int) -> None:
    """Sets a file's modification time so many seconds from now."""
    at = time.time() + seconds
    os.utime(path, (at, at))


def manifest(cdr: Loader) -> str:
    """All messages of the manifest."""
    return str(cdr.query("select header, message from raw_sinch.files"))


# --- a header is names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "printed"),
    [
        ("\r", "line ends are CR alone"),
        ("\x85", "line ends are NEL (U+0085) alone"),
        ("\u2028", "line ends are LINE SEPARATOR (U+2028) alone"),
        ("\f", "line ends are form feed alone"),
    ],
)
def test_other_line_ends_are_named_without_a_value(cdr: Loader, mark: str, printed: str) -> None:
    lines = [header(), record(To=PHONE), record(call_id="b", To=PHONE), ""]
    cdr.write(f"sip_{DAY}.csv", delivery("a"))
    cdr.stage(".")
    cdr.write(f"sip_{DAY}.csv", mark.join(lines))
    line = cdr.error("stage", f"sip_{DAY}.csv", "-q")
    assert printed in line
    assert PHONE not in line + manifest(cdr)
    assert [state for _, _, state in cdr.states()] == ["current", "failed"]


@pytest.mark.parametrize("cell", [PHONE.removeprefix("+"), "x" * 129, "a\x07b"])
def test_what_cannot_be_a_name_is_reported_by_its_place_only(cdr: Loader, cell: str) -> None:
    cdr.write("sip.csv", f"{header()};{cell}\n")
    line = cdr.error("stage", "sip.csv", "-q")
    assert "the header's column 11 cannot be names" in line
    assert cell not in line + manifest(cdr)


def test_a_header_with_thousands_of_columns_is_refused_in_one_short_line(cdr: Loader) -> None:
    cdr.write("sip.csv", header() + "".join(f";Extra{at}" for at in range(60_000)) + "\n")
    started = time.process_time()
    line = cdr.error("stage", "sip.csv", "-q")
    assert time.process_time() - started < 5
    assert "the header has more than 1,000 columns" in line
    assert len(line) < 400


@pytest.mark.parametrize(
    "written",
    [
        "\ufeff\ufeff" + header(),
        header().replace("CallId;", "\u00a0CallId\u200b;"),
        header().replace(";UserSpaceId", '; "UserSpaceId"'),
        ";".join(f"'{name}'" for name in header().split(";")),
        ";".join(f"\u201c{name}\u201d" for name in header().split(";")),
    ],
)
def test_a_header_in_odd_clothes_is_a_header(cdr: Loader, written: str) -> None:
    cdr.write("cdr.csv", f"{written}\n{record()}\n")
    (file,) = cdr.stage("cdr.csv")
    assert (file["kind"], file["staged"], file["message"]) == ("sip_terminated", 1, "")


def test_columns_without_a_name_are_dropped_where_they_are_empty(cdr: Loader) -> None:
    rows = [f"{header()};;", f"{record(call_id='a')};;", f"{record(call_id='b')};;x", f'{record()};"";""']
    cdr.write("sip.csv", "\n".join(rows) + "\n")
    (file,) = cdr.stage("sip.csv", code=1)
    assert (file["staged"], file["rejected"]) == (2, 1)
    assert file["message"] == "2 columns without a name dropped"
    assert [(line, code) for line, code, _ in cdr.rejects()] == [(3, "too_many_fields")]
    assert cdr.records(columns="_extra") == [(2, None), (4, None)]
    cdr("verify", "-q")


def test_lines_before_a_header_are_skipped_and_reported(cdr: Loader) -> None:
    cdr.write("in/report.csv", "Calls of yesterday\n\nmade by;a system\n" + delivery("a"))
    cdr.write("in/excel.csv", "sep=;\n" + delivery("b"))
    files = cdr.stage("in")
    assert [(f["staged"], f["message"]) for f in files] == [
        (1, "a line that names the separator passed over"),
        (1, "2 lines before the header passed over"),
    ]
    assert cdr.records(columns='"CallId"') == [(3, "b"), (5, "a")]
    cdr("verify", "-q")


def test_lines_of_the_kinds_width_before_a_header_are_records(cdr: Loader) -> None:
    cdr.write("rotated.csv", record(call_id="a") + "\n" + delivery("b"))
    (file,) = cdr.stage("rotated.csv")
    assert (file["kind"], file["staged"], file["message"]) == (
        "sip_terminated",
        2,
        "1 repeated header passed over",
    )
    assert cdr.records(columns='"CallId"') == [(1, "a"), (3, "b")]


@pytest.mark.parametrize("again", [header(), header().lower(), '"' + header().replace(";", '";"') + '"'])
def test_a_header_repeated_inside_a_file_is_no_record(cdr: Loader, again: str) -> None:
    cdr.write("sip.csv", delivery("a") + again + "\n" + record(call_id="b") + "\n" + again + "\n")
    (file,) = cdr.stage("sip.csv")
    assert (file["records"], file["staged"], file["message"]) == (2, 2, "2 repeated headers passed over")
    assert cdr.records(columns='"CallId"') == [(2, "a"), (4, "b")]
    cdr("verify", "-q")


# --- versions -----------------------------------------------------------------------------------------------


def test_a_version_without_a_staged_record_replaces_nothing(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery("a", "b", "c"))
    cdr.stage(path)
    path.write_text(
        "".join(
            f"{line};\n" if at else f"{line}\n" for at, line in enumerate(delivery("a", "b").splitlines())
        )
    )
    line = cdr.error("stage", path, "-q")
    assert "every record has 11 fields where the file has 10" in line
    assert "file 1 has 3 records and stays current" in line
    assert [state for _, _, state in cdr.states()] == ["current", "failed"]
    assert cdr.rejects() == []
    cdr("verify", "-q")


def test_an_empty_version_replaces_nothing_either(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery("a"))
    cdr.stage(path)
    path.write_text(delivery())
    assert "none of it can be staged (no records)" in cdr.error("stage", path, "-q")
    assert len(cdr.records()) == 1


def test_replaced_content_delivered_again_is_current_again(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery("a"))
    old, new = delivery("x", "a"), delivery("x", "b")
    for content, seconds in ((old, -50), (new, -40), (old, -30)):
        path.write_text(content)
        touch(path, seconds)
        (file,) = cdr.stage(path)
        assert file["state"] == "current"
    assert [state for _, _, state in cdr.states()] == ["superseded", "superseded", "current"]
    (times,) = cdr.query("select count(distinct loaded_at) from raw_sinch.files")
    assert times == (3,)
    assert [f["state"] for f in cdr.stage(path)] == ["skipped"]


def test_an_inbox_that_keeps_old_and_corrected_stays_with_the_corrected(cdr: Loader) -> None:
    touch(cdr.write(f"sip_{DAY}.csv", delivery("x", "b")), -50)
    touch(cdr.write(f"a/sip_{DAY}.csv", delivery("x", "a")), -100)
    for _ in range(3):
        cdr.stage(".")
        assert cdr.query("select path not like '%/a/%' from raw_sinch.files where state = 'current'") == [
            (True,)
        ]
    assert len(cdr.states()) == 2
    printed = [f["message"] for f in cdr.stage(".")]
    assert "known as file 1, superseded; stage it with --again to make it current" in printed
    touch(cdr.inbox / "a" / f"sip_{DAY}.csv", -10)
    cdr.stage(".")
    assert cdr.states()[-1][2] == "current"
    assert len(cdr.states()) == 3


def test_of_contents_found_in_one_look_the_last_modified_counts(cdr: Loader) -> None:
    touch(cdr.write("2026-11-01/sip.csv", delivery("x", "newer")), -50)
    touch(cdr.write("2026-11-02/sip.csv", delivery("x", "older")), -100)
    cdr.stage(".", "--file-date", DAY)
    assert cdr.query("select path like '%11-01%', state from raw_sinch.files order by file_id") == [
        (False, "superseded"),
        (True, "current"),
    ]


def test_of_members_of_an_archive_the_last_modified_counts(cdr: Loader) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for folder, hour, call_id in (("1", 10, "newer"), ("2", 9, "older")):
            member = zipfile.ZipInfo(f"{folder}/sip_{DAY}.csv", (2026, 11, 23, hour, 0, 0))
            archive.writestr(member, delivery("x", call_id))
    cdr.write("calls.zip", packed.getvalue())
    cdr.stage("calls.zip")
    assert [state for _, _, state in cdr.states()] == ["superseded", "current"]
    assert cdr.query("select path like '%!1/%' from raw_sinch.files where state = 'current'") == [(True,)]


def test_again_makes_replaced_content_current(cdr: Loader) -> None:
    old = cdr.write(f"old/sip_{DAY}.csv", delivery("x", "a"))
    cdr.stage(old)
    cdr.write(f"new/sip_{DAY}.csv", delivery("x", "b"))
    cdr.stage("new")
    assert cdr.stage(old)[0]["state"] == "skipped"
    assert cdr.stage(old, "--again")[0]["state"] == "current"


def test_withdrawn_content_stays_withdrawn(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery("a"))
    cdr.stage(path)
    cdr("withdraw", 1)
    touch(path, 10)
    (file,) = cdr.stage(path, "--again")
    assert (file["state"], file["message"]) == (
        "skipped",
        "known as file 1, withdrawn; `cdr withdraw --undo 1` undoes it",
    )
    cdr.write(f"other_{DAY}.csv", delivery("a"))
    assert cdr.stage(f"other_{DAY}.csv")[0]["state"] == "duplicate"


def test_replaced_content_under_another_name_is_staged(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery("x", "a"))
    cdr.stage(path)
    path.write_text(delivery("x", "b"))
    touch(path, 5)
    cdr.stage(path)
    cdr.write(f"sip_{DAY}_first.csv", delivery("x", "a"))
    assert cdr.stage(f"sip_{DAY}_first.csv")[0]["state"] == "current"


def test_replacing_reports_what_is_replaced(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery(*map(str, range(1_250))))
    cdr.stage(path)
    path.write_text(delivery("0", "new"))
    result = cdr("stage", path)
    printed = " ".join(result.stdout.split())
    assert "supersedes file 1 (1,250 records); it lacks 1,249 of them" in printed
    assert "less than half of the 1,250 records that it replaces (1; file 1)" in result.stderr
    assert "cdr withdraw 2" in result.stderr


def deliver_days(cdr: Loader, days: int, calls: str, folder: str = "") -> None:
    for day in range(1, days + 1):
        for name in ("a", "b"):
            content = delivery(*(f"{name}{day}{call}" for call in calls))
            path = cdr.write(f"{folder}{name}_2026-11-{day:02}.csv", content)
            touch(path, 10 * len(calls) if folder else 0)


def replacement(cdr: Loader) -> Replacement | None:
    options = Options(dry_run=True)
    return stage(find_deliveries((".",), options), cdr.database, options, lambda *_: None).replacement


@pytest.mark.parametrize(
    ("days", "calls", "found"),
    [
        (4, "ab", (8, 40, 16)),
        (3, "ab", None),
        # Half of the calls, and more.
        (4, "abc", None),
        # Other calls: other deliveries, which replace nothing.
        (4, "xyz", None),
        (6, "a", (12, 60, 12)),
    ],
)
def test_a_look_that_would_replace_most_of_many_days_by_less_is_detected(
    cdr: Loader, days: int, calls: str, found: tuple[int, int, int] | None
) -> None:
    deliver_days(cdr, 6, "abcde")
    cdr("stage", ".", "-q")
    deliver_days(cdr, days, calls, folder="other/")
    replaced = replacement(cdr)
    counts = replaced and (replaced.superseded, replaced.records, replaced.kept)
    assert counts == found
    assert not replaced or replaced.days == [date(2026, 11, day) for day in range(1, days + 1)]
    assert len(cdr.states()) == 12


def test_half_of_the_files_of_a_day_are_not_most(cdr: Loader) -> None:
    deliver_days(cdr, 6, "abcde")
    cdr("stage", ".", "-q")
    for day in range(1, 7):
        touch(cdr.write(f"other/a_2026-11-{day:02}.csv", delivery(f"a{day}a")), 10)
    assert replacement(cdr) is None


def test_a_run_refuses_to_replace_most_of_many_days_by_less(
    cdr: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_days(cdr, 4, "abcde")
    cdr("stage", ".", "-q")
    deliver_days(cdr, 4, "ab")
    assert cdr.error("run", ".", "-q") == (
        "cdr: these deliveries would replace 8 files of 4 days, 2026-11-01 to 2026-11-04, and have 16 of "
        "their 40 calls; nothing is staged: another data set needs a database of its own (--database), and "
        "where this is right, add --replace"
    )
    assert cdr.json("run", ".", code=2)["error"].endswith("add --replace")
    assert {state for _, _, state in cdr.states()} == {"current"}

    def stop(*_: object) -> None:
        raise CdrError("not built here")

    monkeypatch.setattr("loader.cli.daily._build_what_is_due", stop)
    cdr("run", ".", "--replace", code=1)
    assert [state for _, _, state in cdr.states()] == ["superseded"] * 8 + ["current"] * 8


def test_corrections_of_members_of_an_archive_are_detected(cdr: Loader) -> None:
    for calls in ("abcde", "a"):
        members = {
            f"sip_2026-11-{day:02}.csv": delivery(*(f"{day}{call}" for call in calls)).encode()
            for day in range(1, 5)
        }
        cdr.write("days.zip", zipped(members))
        if calls == "abcde":
            cdr("stage", ".", "-q")
    assert "replace 4 files of 4 days" in cdr.error("run", ".", "-q")


def test_a_dry_run_shows_the_rejects_itself(cdr: Loader) -> None:
    cdr.write("sip.csv", delivery("a") + "x;y\n")
    result = cdr("stage", "sip.csv", "--dry-run", code=1)
    assert "1 of 2 records rejected; the first of them:" in result.stderr
    assert "line 3: too_few_fields, 2 fields where the file has 10" in result.stderr
    assert "cdr rejects" not in result.stderr


def delivered(state: State, name: str = "x.csv", file_id: int = 1, message: str = "", day: int = 22) -> File:
    return File(
        file_id,
        name,
        f"/in/{name}",
        "app_app",
        date(2026, 11, day),
        sha256="A",
        state=state,
        message=message,
    )


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    ("known", "name", "expected"),
    [
        ([], "x.csv", "load"),
        ([delivered(State.CURRENT)], "x.csv", "skip"),
        ([delivered(State.SUPERSEDED)], "x.csv", "load if again"),
        ([delivered(State.WITHDRAWN)], "x.csv", "skip"),
        ([delivered(State.FAILED)], "x.csv", "load"),
        ([delivered(State.CURRENT)], "y.csv", "duplicate"),
        ([delivered(State.WITHDRAWN)], "y.csv", "duplicate"),
        ([delivered(State.SUPERSEDED)], "y.csv", "load"),
        ([delivered(State.CURRENT), delivered(State.DUPLICATE, "y.csv", 2)], "y.csv", "skip"),
        ([delivered(State.SUPERSEDED), delivered(State.DUPLICATE, "y.csv", 2)], "y.csv", "load if again"),
        ([delivered(State.SUPERSEDED), delivered(State.WITHDRAWN, file_id=2)], "x.csv", "skip"),
        ([delivered(State.SUPERSEDED), delivered(State.WITHDRAWN, "y.csv", 2)], "x.csv", "skip"),
    ],
)
def test_what_is_decided(known: list[File], name: str, expected: str, again: bool) -> None:
    file = File(0, name, f"/in/{name}", "app_app", sha256="A")
    decision = decide(known, file, has_records=True, delivered_again=again)
    got = "load" if decision.existing is None else "skip" if decision.redelivered else "duplicate"
    assert got == {"load if again": "load" if again else "skip"}.get(expected, expected)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        # Withdrawn content stays out for its own day, whatever the name, and is staged for another.
        ([delivered(State.WITHDRAWN, day=12)], "load"),
        ([delivered(State.WITHDRAWN, "y.csv", day=12)], "load"),
        ([delivered(State.WITHDRAWN, "y.csv", day=22)], "duplicate"),
        ([delivered(State.WITHDRAWN, day=12, message="purged on 2026-11-30")], "duplicate"),
        ([delivered(State.WITHDRAWN, day=12), delivered(State.CURRENT, "y.csv", 2, day=12)], "duplicate"),
        ([delivered(State.WITHDRAWN, "y.csv", day=12), delivered(State.DUPLICATE, file_id=2)], "load"),
        ([delivered(State.CURRENT, "y.csv", day=12), delivered(State.DUPLICATE, file_id=2)], "skip"),
        ([delivered(State.WITHDRAWN, "y.csv"), delivered(State.DUPLICATE, file_id=2)], "skip"),
        ([delivered(State.CURRENT, day=12)], "duplicate"),
        ([delivered(State.SUPERSEDED, day=12)], "load"),
    ],
)
def test_what_the_day_decides(known: list[File], expected: str) -> None:
    file = delivered(State.CURRENT, file_id=0)
    decision = decide(known, file, has_records=True, delivered_again=False)
    got = "load" if decision.existing is None else "skip" if decision.redelivered else "duplicate"
    assert got == expected


@pytest.mark.parametrize(("lacking", "is_shrunk"), [(0, False), (5, False), (6, True)])
def test_a_correction_is_shrunk_from_more_than_half_on(lacking: int, is_shrunk: bool) -> None:
    earlier = [
        replace(delivered(State.CURRENT, file_id=at), staged=staged) for at, staged in ((1, 7), (2, 3))
    ]
    change = Change(delivered(State.CURRENT, file_id=3), superseded=earlier, lacking=lacking)
    assert change.is_shrunk is is_shrunk


# --- names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("cdr_2026-11-22.csv", None, "2026-11-22"),
        ("cdr_2026-11-01_2026-11-30.csv", "2026-11-01", "2026-11-30"),
        ("cdr_20261130-20261101.csv", None, "2026-11-01"),
        ("a_2026-11-01_2026-11-02_2026-11-03.csv", None, "2026-11-03"),
        ("x.csv.2026-11-22-04-00-01", None, "2026-11-22"),
        ("x.csv-20261121", None, "2026-11-21"),
        ("cdr_app_app_202611190000.csv", None, "2026-11-19"),
        ("cdr_20261119000000_20261120235959.csv", "2026-11-19", "2026-11-20"),
        ("cdr_app_app_20-11-2026.csv", None, "2026-11-20"),
        ("cdr_12.12.2026.csv", None, "2026-12-12"),
        ("cdr_01-11-2026_30-11-2026.csv", "2026-11-01", "2026-11-30"),
    ],
)
def test_the_last_date_of_a_name_counts(name: str, first: str | None, last: str) -> None:
    days = days_in_names([name], generated=False)
    assert isinstance(days, Days)
    assert (days.first and days.first.isoformat(), days.last.isoformat()) == (first, last)
    assert days.last in dates_in_name(name)


def test_both_dates_of_a_name_may_be_those_of_generation() -> None:
    name = "cdr_2026-11-01_2026-11-30.csv"
    assert days_in_names([name], generated=True) == Days(date(2026, 11, 29), date(2026, 10, 31))
    assert days_in_names(["cdr.csv", "2026-11-01"], generated=True) == Days(date(2026, 10, 31))


@pytest.mark.parametrize("name", ["11-12-2026", "11-22-2026", "31-02-2026", "2026112209", "202611222460"])
def test_what_could_be_read_in_two_ways_is_no_date(name: str) -> None:
    assert dates_in_name(f"cdr_{name}.csv") == []


def test_an_empty_file_of_no_known_day_names_the_option(cdr: Loader) -> None:
    printed = "its day is not known, by its name or by CallTime; stage it with --file-date"
    cdr.write("cdr_app_app_11-12-2026.csv", "")
    cdr.write("sip.csv", delivery())
    assert [file["message"] for file in cdr.stage(".")] == [
        f"{printed}; the file is empty",
        f"{printed}; no records",
    ]
    (file,) = cdr.stage("sip.csv", "--file-date", DAY)
    assert (file["state"], file["file_date"], file["message"]) == ("current", DAY, "no records")
    assert [state for _, _, state in cdr.states()] == ["current", "superseded", "current"]
    assert {file["state"] for file in cdr.stage(".")} == {"skipped"}


def test_a_name_with_two_dates_covers_the_days_between(cdr: Loader) -> None:
    calls = [
        record(call_id=day, CallTime=f"2026-{day}T00:30:00+01:00") for day in ("11-30", "11-05", "11-07")
    ]
    old = record(call_id="old", CallTime="2026-10-30 10:00Z")
    none = record(call_id="none", CallTime="0001-01-01T00:00:00Z")
    contents = {
        "a_2026-11-01_2026-11-30.csv": calls,
        "b_2026-11-01_2026-11-30.csv": [*calls, old, none],
        "c_2026-11-30.csv": calls[:1],
        "v20150101_sip_2026-11-30.csv": [record(call_id="v", CallTime="2026-11-30T10:00")],
        "w_2026-11-01_2026-11-30.csv": [],
        "x_2026-11-01_2026-11-30.csv": [none],
    }
    for name, rows in contents.items():
        cdr.write(name, "\n".join([header(), *rows, ""]))
    cdr.stage(".")
    expected = {
        "a_2026-11-01_2026-11-30.csv": "2026-11-04",
        "b_2026-11-01_2026-11-30.csv": "2026-11-01",
        "v20150101_sip_2026-11-30.csv": "2026-11-30",
    }
    found = cdr.query("select file_name, file_date::varchar, covers_from::varchar from raw_sinch.files")
    assert sorted(found) == [(name, "2026-11-30", expected.get(name)) for name in contents]
    # One by itself is read in another way.
    alone = cdr.write("alone/a_2026-11-01_2026-11-30.csv", "\n".join([header(), *calls, ""]) + "\n" * 70_000)
    cdr.stage(alone)
    assert cdr.query("select max(covers_from)::varchar from raw_sinch.files where path like '%alone%'") == [
        ("2026-11-04",)
    ]


def test_a_day_in_the_future_is_reported_and_not_counted(cdr: Loader) -> None:
    today = datetime.now(UTC).date()
    tomorrow, later = today + timedelta(days=1), today + timedelta(days=2)
    cdr.write(f"a_{today}.csv", delivery("a"))
    cdr.write(f"b_{tomorrow}.csv", delivery("b"))
    cdr.write(f"c_{later}.csv", delivery("c"))
    cdr.write("d_2062-11-22.csv", delivery())
    printed = {file["file_name"][0]: file["message"] for file in cdr.stage(".")}
    assert (printed["a"], printed["b"]) == ("", "")
    assert printed["c"].startswith(
        f"{later} is in the future, so it counts for no day of the feed; if the year"
    )
    assert printed["d"].startswith("2062-11-22 is in the future")
    status = cdr.json("status")
    assert (status["newest_day"], status["age_days"]) == (str(tomorrow), -1)
    cdr("withdraw", 2, "-q")
    cdr("withdraw", 1, "-q")
    assert cdr.json("status")["newest_day"] is None
    cdr("status", "--max-age", 100_000, code=1)


def test_calls_of_the_future_date_no_file(cdr: Loader) -> None:
    future, good = (
        record(CallTime="2062-11-22T10:00:00Z"),
        record(call_id="b", CallTime="2026-11-22T10:00:00Z"),
    )
    never = record(call_id="c", CallTime="2102-11-22T10:00:00Z")
    cdr.write("a.csv", "\n".join([header(), future, good, never, ""]))
    cdr.write("b.csv", "\n".join([header(), future.replace("call-1", "d"), ""]))
    cdr.write("c.csv", "\n".join([header(), never, ""]))
    files = cdr.stage(".")
    assert [(file["file_date"], file["message"][:10]) for file in files] == [
        ("2026-11-22", ""),
        ("2062-11-22", "2062-11-22"),
        (None, "its day is"),
    ]
    assert cdr.json("status")["newest_day"] == "2026-11-22"


def test_content_decides_never_the_name_alone(cdr: Loader) -> None:
    names = ["x.csv.2026-11-22-04-00-01", "x.csv-20261121", "x.csv.1", "calls.export", "y.csv.2.gz"]
    for at, name in enumerate(names):
        content = delivery(str(at)).encode()
        cdr.write(name, gzip.compress(content) if name.endswith(".gz") else content)
    assert {f["file_name"]: f["state"] for f in cdr.stage(".")} == {
        name.removesuffix(".gz"): "current" for name in names
    }


@pytest.mark.parametrize(
    ("name", "content", "state"),
    [
        ("calls.txt", "\n" * 20 + delivery("a"), "current"),
        ("calls.txt", "words\n" * 20 + "about the CallId\n", "failed"),
        ("calls.txt", "words\n" * 20 + "a;b;c;d;e;f\n", "failed"),
        ("calls.txt", '"words\n' + "a;b;c;d;e;f\n" + 'words"\n', "failed"),
        ("calls.txt", "words\n" * 21 + "CallId;a;b;c;d;e\n", "ignored"),
        ("calls.txt", "a;b;c;d;e\n" * 21, "ignored"),
        ("app_app.txt", "words\n", "failed"),
    ],
)
def test_the_signs_of_records_make_a_text_a_delivery(
    cdr: Loader, name: str, content: str, state: str
) -> None:
    cdr.write(f"in/{name}", content)
    (file,) = cdr.stage("in", code=2 if state == "failed" else 0)
    assert file["state"] == state
    if state == "ignored":
        # Named itself it is tried, and with --kind too.
        assert "failed" not in file["message"]
        cdr.error("stage", f"in/{name}", "-q")
        cdr.error("stage", "in", "--kind", "app_app", "-q")


def test_ignored_files_are_counted_and_named_on_request(cdr: Loader) -> None:
    cdr.write("in/a.csv", delivery("a"))
    cdr.write("in/readme.txt", "words\n")
    cdr.write("in/invoice.pdf", b"%PDF-1.7\n\xff\xfe")
    result = cdr("stage", "in")
    assert "2 files ignored; -v lists them with the reason" in result.stderr
    assert "invoice.pdf" not in result.stdout
    assert "looks like a PDF" in " ".join(cdr("stage", "in", "-v").stdout.split())


# --- spreadsheets and foreign files -------------------------------------------------------------------------


def test_changes_by_a_spreadsheet_are_reported(cdr: Loader) -> None:
    rows = [header(), record(From="4.67E+10", CallTime="22.11.2026 10:00")]
    cdr.write("sip.csv", "\n".join(rows) + "\n")
    (file,) = cdr.stage("sip.csv")
    assert "From looks like a number that a spreadsheet rounded" in file["message"]
    assert "CallTime looks like a date that a spreadsheet rewrote" in file["message"]


def archive(names: list[str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "printed"),
    [
        (
            "a.xlsx",
            archive(["[Content_Types].xml", "xl/workbook.xml"]),
            "looks like a spreadsheet (.xlsx); save",
        ),
        ("a.pdf", b"%PDF-1.7\n", "looks like a PDF"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c\0\4", "looks like a 7z archive; unpack it first"),
        ("a.csv", delivery("a").replace(";", ",").encode(), "not separated by semicolons but by commas"),
        ("a.csv", delivery("a").replace(";", "\t").encode(), "not separated by semicolons but by tabs"),
        ("a.csv", b"VerificationId;Method;Status;Price;CallId\n", "that of a verification record file"),
        ("a.csv", b"MessageId;From;To;CallId;Status\n", "of a messaging record file"),
        ("a.csv", b"verification_id;method;status\n", "of a verification record file"),
        ("a.csv", delivery("a").encode("utf-16-le"), "stage it with --encoding utf-16-le"),
        ("a.csv", delivery("a").encode("utf-16-be"), "stage it with --encoding utf-16-be"),
        ("a.csv", delivery("a").encode("utf-32-le"), "stage it with --encoding utf-32-le"),
    ],
)
def test_foreign_files_are_named_for_what_they_are(
    cdr: Loader, name: str, content: bytes, printed: str
) -> None:
    cdr.write(name, content)
    assert printed in cdr.error("stage", name, "-q")


def test_a_zip_in_a_zip_is_named_so(cdr: Loader) -> None:
    path = cdr.inbox / "outer.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("inner.csv", archive(["a.csv"]))
        made.writestr("a.csv", delivery("a"))
    files = cdr.stage(path, code=1)
    assert [(f["state"], f["message"]) for f in files] == [
        ("failed", "it is a zip archive inside an archive; unpack it first"),
        ("current", ""),
    ]


def test_an_archive_of_one_file_that_is_named_itself_is_tried(cdr: Loader) -> None:
    for name in ("a.zip", "a"):
        cdr.write(name, archive(["words.txt"]))
        assert "no header and no semicolon-delimited record" in cdr.error("stage", name, "-q")
    cdr.write("b.zip", archive(["words.txt", "more.txt"]))
    assert {file["state"] for file in cdr.stage("b.zip")} == {"ignored"}


def test_what_only_has_to_be_unpacked_is_never_passed_over(cdr: Loader) -> None:
    cdr.write("in/a", b"Rar!\x1a\7\1\0")
    cdr.write("in/b.xlsx", archive(["[Content_Types].xml", "xl/workbook.xml"]))
    cdr.write("in/c.zip", archive(["[Content_Types].xml", "xl/workbook.xml"]))
    cdr.write("in/d.txt.gz", gzip.compress(b"words"))
    files = cdr.stage("in", code=2)
    assert [(f["state"], f["message"]) for f in files] == [
        ("failed", "it looks like a RAR archive; unpack it first"),
        ("ignored", "looks like a spreadsheet (.xlsx)"),
        ("ignored", "looks like a spreadsheet (.xlsx)"),
        ("ignored", "no sign of call detail records"),
    ]


def test_an_encoding_that_has_to_be_named_reads_the_file(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a").encode("utf-16-le"))
    assert cdr.stage("a.csv", "--encoding", "utf-16-le")[0]["staged"] == 1
