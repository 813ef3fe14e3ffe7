"""What becomes of deliveries of every sort: kinds, encodings, compressions, dates, versions."""

import bz2
import gzip
import io
import json
import os
import re
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest
import zstandard
from builders import delivery, header, record, zipped
from harness import Loader

from loader.feeds import KINDS

DAY = "2026-11-22"


# --- kinds and headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_known_by_its_header(cdr: Loader, kind: str) -> None:
    cdr.write("cdr.csv", delivery("a", "b", kind=kind))
    (file,) = cdr.stage("cdr.csv")
    assert (file["kind"], file["records"], file["staged"], file["rejected"]) == (kind, 2, 2, 0)
    assert [row[:2] for row in cdr.records(kind)] == [(2, "a"), (3, "b")]


@pytest.mark.parametrize("kind", KINDS)
def test_names_in_a_header_may_be_in_any_case_and_order_and_quoted(cdr: Loader, kind: str) -> None:
    names = [f'" {name.upper()} "' if at % 2 else f" {name.lower()}\t" for at, name in enumerate(KINDS[kind])]
    values = [f"v{at}" for at in range(len(names))]
    text = f"\ufeff{';'.join(reversed(names))}\n{';'.join(reversed(values))}\n"
    cdr.write(f"{DAY}.csv", text)
    (file,) = cdr.stage(f"{DAY}.csv")
    assert file["kind"] == kind
    assert cdr.records(kind) == [(2, *values)]


def test_without_to_country_id_the_column_is_null(cdr: Loader) -> None:
    names = KINDS["phone_terminated"][:-1]
    cdr.write("old_2016-01-01.csv", ";".join(names) + "\n" + ";".join(["x"] * 14) + "\n")
    cdr.write("bare_2016-01-02.csv", ";".join(["y"] * 14) + "\n")
    cdr.stage("old_2016-01-01.csv", "bare_2016-01-02.csv")
    assert cdr.records("phone_terminated", '"CallId", "ToCountryId"') == [(2, "x", None), (1, "y", None)]


def test_unknown_columns_are_kept_in_extra_and_reported(cdr: Loader) -> None:
    text = f'Note; {header()};"Cost Centre"\nn1;{record()};c1\n"n""2";{record(call_id="call-2")};"x;y"\n'
    cdr.write(f"sip_{DAY}.csv", text)
    (file,) = cdr.stage(f"sip_{DAY}.csv")
    assert file["message"] == "columns unknown to the feed kept in _extra: Note, Cost Centre"
    extras = [json.loads(extra) for _, extra in cdr.records(columns="_extra")]
    assert extras == [{"Note": "n1", "Cost Centre": "c1"}, {"Note": 'n"2', "Cost Centre": "x;y"}]


@pytest.mark.parametrize(
    ("name", "first_line", "options", "printed"),
    [
        ("x.csv", header("sip_terminated").replace(";Custom", ""), (), "lacks Custom"),
        ("x.csv", header("sip_terminated") + ";Amount", (), "looks like phone_originated but lacks Currency"),
        ("x.csv", header("app_app") + ";From", (), "has From of another kind"),
        ("x.csv", header("sip_terminated") + ";CALLID", (), "names CallId more than once"),
        ("x.csv", header("app_app"), ("--kind", "sip_terminated"), "that of app_app, not sip_terminated"),
        ("x.csv", header("app_app").replace(";", ","), (), "not separated by semicolons"),
        (
            "x.csv",
            "CallId;UserSpaceId;CallTime;Result;Reason;Custom;ApplicationKey;Secret",
            (),
            "no known kind; the nearest is app_app; it lacks Duration, FromUserId, ToUserId",
        ),
        ("x.csv", record("app_app"), (), "app_app or sip_terminated; name it with --kind"),
        ("x.csv", "a;b;c", (), "is it a call detail record file?"),
        ("x.csv", "a;b;c;d;e;f", (), "of no known kind; name it with --kind"),
        ("app_app.csv", "a;b;c", (), "records have 3 fields, where app_app has 10"),
        ("x.csv", "some words", (), "is it a call detail record file?"),
    ],
)
def test_a_file_of_no_clear_kind_fails_whole(
    cdr: Loader, name: str, first_line: str, options: tuple[str, ...], printed: str
) -> None:
    path = cdr.write(name, first_line + "\n")
    line = cdr.error("stage", name, *options, "-q")
    assert printed in line
    assert str(path) in line
    ((state, kind, staged, message),) = cdr.query("select state, kind, staged, message from raw_sinch.files")
    assert (state, kind, staged) == ("failed", None, 0)
    assert printed in message
    assert "Secret" not in line
    assert [cdr.records(kind) for kind in KINDS] == [[]] * len(KINDS)
    assert cdr.rejects() == []


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("cdr.csv", "phone_terminated", ()),
        ("cdr.csv", "phone_originated", ()),
        ("App-App 2026.csv", "app_app", ()),
        ("SIPTerminated.csv", "sip_terminated", ()),
        ("cdr.csv", "app_app", ("--kind", "app_app")),
        ("app_app.csv", "sip_terminated", ("--kind", "sip_terminated")),
    ],
)
def test_without_a_header_kind_comes_from_option_name_or_width(
    cdr: Loader, name: str, kind: str, options: tuple[str, ...]
) -> None:
    cdr.write(name, record(kind, "a") + "\n" + record(kind, "b"))
    (file,) = cdr.stage(name, *options)
    assert file["kind"] == kind
    assert [row[:2] for row in cdr.records(kind)] == [(1, "a"), (2, "b")]
    assert cdr.query("select header from raw_sinch.files") == [(None,)]


def test_header_beats_the_name(cdr: Loader) -> None:
    cdr.write("app_app.csv", delivery("a", kind="sip_terminated"))
    assert cdr.stage("app_app.csv")[0]["kind"] == "sip_terminated"


# --- empty files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\r\n"])
def test_an_empty_file_is_a_delivery(cdr: Loader, content: str) -> None:
    cdr.write(f"sip_terminated_{DAY}.csv", content)
    cdr.write("nameless.csv", content + "\n")
    named, nameless = cdr.stage(f"sip_terminated_{DAY}.csv", "nameless.csv")
    assert (named["state"], named["kind"], named["file_date"], named["records"]) == (
        "current",
        "sip_terminated",
        DAY,
        0,
    )
    assert (nameless["state"], nameless["kind"], nameless["message"]) == (
        "current",
        None,
        "the file is empty",
    )
    cdr("verify", "-q")


def test_empty_files_of_no_known_kind_are_ignored(cdr: Loader) -> None:
    """In folders and archives; none costs a transaction."""
    cdr.write("nameless.csv", "")
    cdr.write("many.zip", zipped({f"{at}/empty": b"" for at in range(1000)}))
    files = cdr.stage(".")
    assert {file["state"] for file in files} == {"ignored"}
    assert {file["message"] for file in files} == {"the file is empty, and its kind is unknown"}
    assert len(files) == 1001
    # One that held something is recorded.
    cdr.write("a.csv", delivery("a"))
    cdr.stage("a.csv")
    cdr.write("a.csv", "")
    assert [f["state"] for f in cdr.stage(".") if f["file_name"] == "a.csv"] == ["current"]


def test_two_empty_days_are_two_days(cdr: Loader) -> None:
    for day in ("2026-11-21", DAY):
        cdr.write(f"sip_{day}.csv", header() + "\n")
    assert [file["state"] for file in cdr.stage(".")] == ["current", "current"]
    assert [file["state"] for file in cdr.stage(".")] == ["skipped", "skipped"]


# --- encodings and line ends --------------------------------------------------------------------------------

PHONE = "\U0001f4de"
TEXT = "\r\n".join([header(), record(Custom="åß€"), record(call_id="call-2", Custom=PHONE)])


@pytest.mark.parametrize(
    ("encoding", "options"),
    [
        ("utf-8", ()),
        ("utf-8-sig", ()),
        ("utf-8-sig", ("--encoding", "cp1252")),
        ("utf-16", ()),
        ("utf-32", ()),
        ("utf-16-be", ("--encoding", "utf-16-be")),
        ("gb18030", ("--encoding", "gb18030")),
    ],
)
def test_encodings(cdr: Loader, encoding: str, options: tuple[str, ...]) -> None:
    cdr.write("sip.csv", TEXT.encode(encoding))
    (file,) = cdr.stage("sip.csv", *options)
    assert file["staged"] == 2
    assert cdr.records(columns='"Custom"') == [(2, "åß€"), (3, PHONE)]
    ((size, header_text),) = cdr.query("select bytes, header from raw_sinch.files")
    assert (size, header_text) == (len(TEXT.encode(encoding)), header())


def test_utf_16_big_endian_with_its_mark(cdr: Loader) -> None:
    cdr.write("sip.csv", b"\xfe\xff" + TEXT.encode("utf-16-be"))
    assert cdr.stage("sip.csv")[0]["staged"] == 2


def test_bytes_that_do_not_decode_cost_their_record_only(cdr: Loader) -> None:
    bad = record(call_id="bad", Custom="§").encode("latin-1").replace(b"bad", b"b\\xa7\\d")
    lines = [header().encode(), record(call_id="a").encode(), bad, record(call_id="c").encode()]
    cdr.write("sip.csv", b"\n".join(lines))
    (file,) = cdr.stage("sip.csv", code=1)
    assert (file["staged"], file["rejected"]) == (2, 1)
    assert cdr.records(columns='"CallId"') == [(2, "a"), (4, "c")]
    ((line, reason, raw),) = cdr.rejects()
    assert (line, reason) == (3, "undecodable_bytes")
    assert raw.startswith("b\\x5cxa7\\d;")
    assert "\\xa7" in raw
    cdr("rejects", "--file", 1, "--out", "again.csv")
    assert (cdr.inbox / "again.csv").read_bytes() == lines[0] + b"\n" + bad + b"\n"


@pytest.mark.parametrize(
    ("encoding", "good", "bad"),
    [
        ("utf-16-le", "é".encode("utf-16-le"), b"\x00\xd8"),
        ("cp1252", b"\xe9", b"\x81"),
        ("ascii", b"e", b"\xe9"),
    ],
)
def test_bad_bytes_of_other_encodings(cdr: Loader, encoding: str, good: bytes, bad: bytes) -> None:
    def line(call_id: str, custom: bytes) -> bytes:
        before, after = record(call_id=call_id, Custom="|").split("|")
        return before.encode(encoding) + custom + (after + "\n").encode(encoding)

    text = (header() + "\n").encode(encoding) + line("a", good) + line("b", bad) + line("c", good)
    cdr.write("sip.csv", text)
    cdr.stage("sip.csv", "--encoding", encoding, code=1)
    assert cdr.records(columns='"CallId", "Custom"') == [
        (2, "a", good.decode(encoding)),
        (4, "c", good.decode(encoding)),
    ]
    ((line_number, reason, raw),) = cdr.rejects()
    assert (line_number, reason) == (3, "undecodable_bytes")
    assert "".join(f"\\x{byte:02x}" for byte in bad) in raw


def test_unknown_encoding_is_a_usage_error(cdr: Loader) -> None:
    cdr.write("sip.csv", delivery("a"))
    for name in ("klingon", "rot13", "undefined", "punycode", "idna", "zlib"):
        assert f"unknown encoding '{name}'" in cdr.error("stage", "sip.csv", "--encoding", name)
    assert not cdr.database.exists()


def test_a_text_of_another_encoding_than_named_fails_in_clear_words(cdr: Loader) -> None:
    cdr.write("sip.csv", delivery("a"))
    printed = cdr.error("stage", "sip.csv", "--encoding", "utf-16", "-q")
    assert printed.endswith("sip.csv: it is not a text in the encoding utf-16; stage it with another one")


def test_mixed_line_ends_blank_lines_and_no_last_line_end(cdr: Loader) -> None:
    a, b, c = record(call_id="a"), record(call_id="b"), record(call_id="c", Custom="x\ry")
    text = f"\r\n{header()}\n{a}\r\n\n\r\n{b}\n{c}"
    cdr.write("sip.csv", text)
    (file,) = cdr.stage("sip.csv")
    assert file["records"] == 3
    assert cdr.records(columns='"CallId", "Custom"') == [(3, "a", ""), (6, "b", ""), (7, "c", "x\ry")]


def test_a_file_cut_off_in_the_middle_of_a_record(cdr: Loader) -> None:
    cdr.write("sip.csv", delivery("a") + "call-2;1;2026")
    (file,) = cdr.stage("sip.csv", code=1)
    assert (file["staged"], file["rejected"]) == (1, 1)
    ((detail,),) = cdr.query("select detail from raw_sinch.rejected_records")
    assert detail == "3 fields where the file has 10; the file ends inside this line, without a line end"


def test_an_empty_field_is_an_empty_text_quoted_or_not(cdr: Loader) -> None:
    cdr.write("sip.csv", f'{header()}\n;"";;;;;;;;\n')
    cdr.stage("sip.csv")
    assert cdr.records() == [(2, *[""] * 10)]


def test_an_unbalanced_quote_costs_its_line_only(cdr: Loader) -> None:
    spoilt = record(call_id="b", Custom='"never closed')
    text = (
        delivery("a")
        + spoilt
        + "\n"
        + record(call_id="c")
        + "\n"
        + record(call_id="d", Custom='"x;y"')
        + "\n"
    )
    cdr.write("sip.csv", text)
    cdr.stage("sip.csv", code=1)
    assert cdr.records(columns='"CallId", "Custom"') == [(2, "a", ""), (4, "c", ""), (5, "d", "x;y")]
    assert cdr.rejects() == [(3, "unbalanced_quote", spoilt)]


def test_records_longer_than_any_buffer(cdr: Loader) -> None:
    long = "x" * 5_000_000
    text = (
        f'{header()}\n{record(call_id="a", Custom=long)}\n"b;{long}\n'
        + record(call_id="c", Custom=f'"{long}\n;"')
        + "\n"
    )
    cdr.write("sip.csv", text)
    cdr.stage("sip.csv", code=1)
    assert cdr.records(columns='"CallId", strlen("Custom")') == [(2, "a", 5_000_000), (4, "c", 5_000_002)]
    assert [(line, reason, len(raw)) for line, reason, raw in cdr.rejects()] == [
        (3, "unbalanced_quote", 5_000_003)
    ]


def test_a_line_without_end_fails_the_file(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("lines", "records"):
        monkeypatch.setattr(f"loader.parsing.{module}.LONGEST_RECORD", 1 << 20)
    cdr.write("sip.csv", delivery("a") + "x" * (4 << 20))
    cdr.write("good.csv", delivery("b"))
    failed, _good = cdr.stage("sip.csv", "good.csv", code=1)
    assert failed["state"] == "failed"
    assert "line 3 is longer than 1 MiB" in failed["message"]
    assert cdr.records(columns='"CallId"') == [(2, "b")]


# --- compression --------------------------------------------------------------------------------------------


TWO = delivery("a", "b").encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sip.csv.gz", gzip.compress(TWO)),
        ("sip.csv.gz", gzip.compress(TWO[:200]) + gzip.compress(TWO[200:]) + b"\0" * 50),
        ("sip.csv", gzip.compress(TWO)),
        ("sip.csv.zst", zstandard.compress(TWO)),
        ("sip.csv.zst", zstandard.compress(TWO[:200]) + zstandard.compress(TWO[200:])),
        ("SIP.CSV.ZIP", zipped({"sip.csv": TWO})),
        ("x.zip", zipped({"sip.csv.gz": gzip.compress(TWO)})),
        # First bytes decide, not names.
        ("sip.csv.gz", TWO),
        ("sip.csv.zst", TWO),
        ("sip.csv.zip", TWO),
        ("sip.csv.zst", gzip.compress(TWO)),
        ("sip.csv.gz", gzip.compress(gzip.compress(TWO))),
        ("sip.csv.gz", gzip.compress(zstandard.compress(TWO))),
        ("x.zip.1", zipped({"sip.csv": TWO})),
        ("x.zip-20261103", zipped({"sip.csv": TWO})),
        ("x.csv", zipped({"sip.csv": TWO})),
        ("x.csv.gz", zipped({"sip.csv": TWO})),
        ("x.zip", zipped({"../out/sip.csv": TWO})),
        ("x.zip", zipped({"..\\out\\": b"", "..\\out\\sip.csv": TWO})),
        ("x.zip", zipped({"/etc/sip.csv": TWO})),
    ],
)
def test_compressed_files_are_the_same_delivery(cdr: Loader, name: str, content: bytes) -> None:
    cdr.write(name, content)
    (file,) = cdr.stage(name)
    assert (file["state"], file["staged"], file["file_name"].lower()) == ("current", 2, "sip.csv")
    ((size,),) = cdr.query("select bytes from raw_sinch.files")
    assert size == len(TWO)
    cdr.write(file["file_name"], TWO)
    (again,) = cdr.stage(file["file_name"])
    assert (again["state"], again["file_id"]) == ("skipped", file["file_id"])


@pytest.mark.parametrize(
    ("name", "content", "printed"),
    [
        ("a.csv.gz", gzip.compress(TWO)[:-10], "ends too early"),
        ("a.csv.gz", b"", "ends too early"),
        ("a.csv.gz", b"\0" + gzip.compress(TWO), "damaged"),
        ("a.csv.gz", bz2.compress(TWO), "looks like a bzip2 file; unpack it first"),
        ("a.csv.gz", gzip.compress(zipped({"a.csv": TWO})), "looks like a zip archive inside an archive"),
        ("a.csv.gz", b"<html>not found", "looks like a web page"),
        ("a.csv.gz", b"not found", "no header"),
        ("a.csv.gz", gzip.compress(TWO)[:-8] + b"\0" * 8, "damaged"),
        ("a.csv.gz", gzip.compress(TWO) + b"rubbish", "damaged"),
        ("a.csv.zst", zstandard.compress(TWO)[:-3], "ends too early"),
        ("a.csv.zst", b"\0" + zstandard.compress(TWO), "damaged"),
        ("a.zip", zipped({"a.csv": TWO})[:-30], "cannot be read"),
        ("a", zipped({"a.csv": TWO})[:-30], "cannot be read"),
        ("a.zip", b"", "cannot be read"),
        ("a.zip", zipped({}), "the zip archive is empty"),
        ("a", zipped({}), "the zip archive is empty"),
    ],
)
def test_a_damaged_archive_fails_and_the_others_go_on(
    cdr: Loader, name: str, content: bytes, printed: str
) -> None:
    cdr.write(f"in/{name}", content)
    cdr.write("in/good.csv", delivery("g"))
    failed, good = cdr.stage("in", code=1)
    assert failed["state"] == "failed"
    assert printed in failed["message"]
    assert good["state"] == "current"
    assert sorted(path.name for path in cdr.database.parent.iterdir()) == ["cdr.duckdb", "inbox"]


def test_a_zip_member_with_a_wrong_checksum_fails(cdr: Loader) -> None:
    content = zipped({"a.csv": TWO})
    crc = zlib.crc32(TWO).to_bytes(4, "little")
    assert content.count(crc) == 2
    cdr.write("x.zip", content.replace(crc, b"\1\2\3\4"))
    assert "damaged" in cdr.error("stage", "x.zip", "-q")


def test_each_member_of_a_zip_is_a_file(cdr: Loader) -> None:
    content = zipped(
        {
            "in/2026-11-21/cdr.csv": delivery("a").encode(),
            "in/2026-11-22/cdr.csv": delivery("b").encode(),
            "__MACOSX/x.csv": b"?",
            "notes.pdf": b"?",
        }
    )
    path = cdr.write("all.zip", content)
    files = cdr.stage("all.zip")
    assert [(f["file_name"], f["state"], f["file_date"]) for f in files if f["state"] != "ignored"] == [
        ("cdr.csv", "current", "2026-11-21"),
        ("cdr.csv", "current", "2026-11-22"),
    ]
    assert files[0]["path"] == f"{path}!in/2026-11-21/cdr.csv"
    assert [f["file_name"] for f in files if f["state"] == "ignored"] == ["x.csv", "notes.pdf"]


def test_a_member_that_cannot_be_read_fails_in_clear_words(cdr: Loader) -> None:
    content = bytearray(zipped({"a.csv": TWO, "b.csv": TWO, "c.csv": TWO}))
    # In the archive's table of contents: flags and method of each member.
    first, second, _ = (found.start() for found in re.finditer(b"PK\x01\x02", content))
    content[first + 8] |= 1
    content[second + 10] = 97
    cdr.write("in/x.bin", bytes(content))
    assert [(file["state"], file["message"]) for file in cdr.stage("in", code=1)] == [
        ("failed", "it is encrypted in its archive; deliver it without a password"),
        ("failed", "it is compressed in its archive by method 97, which is not supported; unpack it first"),
        ("current", ""),
    ]


def test_an_archive_of_any_name_is_known_the_next_time(cdr: Loader) -> None:
    cdr.write("in/a", zipped({"2026-11-21/x.csv": delivery("a").encode(), "y.csv": delivery("b").encode()}))
    cdr.write("in/b.csv", delivery("c"))
    os.utime("in/a", (1e9, 1e9))
    assert [(file["file_name"], file["state"]) for file in cdr.stage("in")] == [
        ("x.csv", "current"),
        ("y.csv", "current"),
        ("b.csv", "current"),
    ]
    assert [file["path"].rpartition("/in/")[2] for file in cdr.stage("in")] == [
        "a!2026-11-21/x.csv",
        "a!y.csv",
        "b.csv",
    ]
    assert {file["state"] for file in cdr.stage("in")} == {"skipped"}


def test_members_of_one_name_fail_rather_than_hide_each_other(cdr: Loader) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("a.csv", delivery("a"))
        archive.writestr("a.csv", delivery("b"))
    cdr.write("x.zip", out.getvalue())
    assert "several members of this name" in cdr.error("stage", "x.zip", "-q")


# --- dates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("cdr_2026-11-22.csv", DAY),
        ("cdr_20261122.csv", DAY),
        ("cdr_2026_11_22.csv", DAY),
        ("2026.11.22", DAY),
        ("cdr-20261122093000.csv.gz", DAY),
        ("cdr-20261122T093000Z.csv", DAY),
        ("cdr_app_app_202611220000.csv", DAY),
        ("cdr_22-11-2026.csv", DAY),
        ("22.11.2026/cdr.csv", DAY),
        ("2026-11-21/cdr_11-12-2026.csv", "2026-11-21"),
        ("2026-11-21/cdr_11-22-2026.csv", "2026-11-21"),
        ("2026-11-21/cdr_2026112209.csv", "2026-11-21"),
        ("2026-11-22/cdr.csv", DAY),
        ("file_date=2026-11-22/deep/er/cdr.csv", DAY),
        ("2026-11-21/cdr_2026-11-22.csv", DAY),
        ("2026-13-45_20261122.csv", DAY),
        ("cdr_120261122.csv", "2026-01-05"),
        ("cdr.csv", "2026-01-05"),
    ],
)
def test_file_date_from_names_or_records(cdr: Loader, name: str, day: str) -> None:
    text = "\n".join(
        [
            header(),
            record(call_id="a", CallTime="2026-01-04 23:30:00.123-02:00"),
            record(call_id="b", CallTime="2026-01-05T12:00:00"),
            record(call_id="c", CallTime="2026-01-06T00:30:00+01:00"),
            record(call_id="d", CallTime="tomorrow"),
        ]
    )
    content = text.encode()
    cdr.write(name, gzip.compress(content) if name.endswith(".gz") else content)
    assert cdr.stage(name)[0]["file_date"] == day


def test_file_date_options(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    cdr.write("a_2026-11-22.csv", delivery("a"))
    cdr.write("2026-11-23/b.csv", delivery("b"))
    assert cdr.stage("a_2026-11-22.csv", "--file-date", "2026-01-01")[0]["file_date"] == "2026-01-01"
    assert cdr.stage("2026-11-23", "--name-date", "generated")[0]["file_date"] == DAY
    cdr.write("c_2026-11-23.csv", delivery("c"))
    monkeypatch.setenv("CDR_NAME_DATE", "generated")
    assert cdr.stage("c_2026-11-23.csv")[0]["file_date"] == DAY


def test_a_file_without_a_day(cdr: Loader) -> None:
    cdr.write("cdr.csv", header() + "\n" + record(CallTime="soon") + "\n")
    assert cdr.stage("cdr.csv")[0]["file_date"] is None


# --- versions -----------------------------------------------------------------------------------------------


def test_a_file_staged_twice_is_skipped(cdr: Loader) -> None:
    cdr.write(f"sip_{DAY}.csv", delivery("a"))
    cdr.stage(".")
    before = cdr.query("from raw_sinch.files")
    (file,) = cdr.stage(".")
    assert (file["state"], file["file_id"], file["staged"]) == ("skipped", 1, 0)
    assert cdr.query("from raw_sinch.files") == before


def test_new_content_supersedes_and_the_old_is_kept(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery("a"))
    cdr.stage(path)
    cdr.write(f"other/sip_{DAY}.csv", delivery("a", "b"))
    cdr.stage("other")
    assert cdr.states() == [(1, path.name, "superseded"), (2, path.name, "current")]
    assert cdr.query("select _file_id, count(*) from raw_sinch.sip_terminated group by 1 order by 1") == [
        (1, 1),
        (2, 2),
    ]
    assert cdr.stage(path)[0]["state"] == "skipped"
    assert cdr.states()[1] == (2, path.name, "current")
    cdr("verify", "-q")


def test_the_same_name_on_another_day_or_of_another_kind_supersedes_nothing(cdr: Loader) -> None:
    cdr.write("2026-11-21/cdr.csv", delivery("a"))
    cdr.write("2026-11-22/cdr.csv", delivery("b"))
    cdr.write("2026-11-22/app/cdr.csv", delivery("c", kind="app_app"))
    assert [file["state"] for file in cdr.stage(".")] == ["current"] * 3
    assert [state for _, _, state in cdr.states()] == ["current"] * 3


def test_the_same_content_under_another_name_is_a_duplicate_recorded_once(cdr: Loader) -> None:
    first = cdr.write(f"a_{DAY}.csv", delivery("a"))
    cdr.stage(first)
    cdr.write(f"b_{DAY}.csv", delivery("a"))
    cdr.write("2026-11-23/a.csv", delivery("a"))
    for expected in (["skipped", "duplicate"], ["skipped", "skipped"]):
        assert [f["state"] for f in cdr.stage(first, f"b_{DAY}.csv")] == expected
    assert cdr.query("select state, staged, message from raw_sinch.files where file_id = 2") == [
        ("duplicate", 0, f"same content as file 1 ({first}, current)")
    ]
    assert cdr.stage("2026-11-23")[0]["state"] == "duplicate"
    assert len(cdr.records()) == 1


def test_a_failed_file_delivered_again_in_good_content_becomes_current(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv.gz", gzip.compress(delivery("a").encode())[:-9])
    assert "ends too early" in cdr.error("stage", path, "-q")
    cdr.error("stage", path, "-q")
    assert cdr.states() == [(1, f"sip_{DAY}.csv", "failed")]
    path.write_bytes(gzip.compress(delivery("a").encode()))
    cdr.stage(path)
    assert [state for _, _, state in cdr.states()] == ["current"]


def test_a_failing_new_version_supersedes_nothing(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery("a"))
    cdr.stage(path)
    path.write_text("CallId;Nonsense\n")
    cdr.error("stage", path, "-q")
    assert [state for _, _, state in cdr.states()] == ["current", "failed"]
    assert len(cdr.records()) == 1


def test_a_kind_given_by_option_can_be_corrected(cdr: Loader) -> None:
    cdr.write("cdr.csv", record("app_app") + "\n")
    cdr.stage("cdr.csv", "--kind", "app_app")
    cdr("withdraw", 1)
    assert cdr.stage("cdr.csv", "--kind", "sip_terminated")[0]["state"] == "current"
    assert cdr.stage("cdr.csv", "--kind", "app_app")[0]["state"] == "skipped"


# --- one name, several deliveries ---------------------------------------------------------------------------


def calls(*names: str) -> str:
    return delivery(*names, kind="app_app")


def current(cdr: Loader) -> list[int]:
    return [file_id for file_id, _, state in cdr.states() if state == "current"]


@pytest.mark.parametrize("small", [True, False])
def test_contents_of_one_name_that_share_no_call_all_count(
    cdr: Loader, monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    if not small:
        monkeypatch.setattr("loader.staging.scheduler.is_small", lambda _: False)
    cdr.write("account-1/cdr_app_app_2026-11-22.csv", calls("a", "b", "c"))
    cdr.write("account-2/cdr_app_app_2026-11-22.csv", calls("d", "e", "f"))
    planned = cdr.stage(".", "--dry-run")
    files = cdr.stage(".")
    assert [(file["state"], file["message"]) for file in files] == [
        ("current", ""),
        ("current", "shares no call with file 1 of its name: all count, unless you withdraw one"),
    ]
    assert planned == files
    assert [file["state"] for file in cdr.stage(".")] == ["skipped"] * 2
    cdr("verify", "-q")


def test_a_whole_days_file_supersedes_every_hour_of_it(cdr: Loader) -> None:
    for hour in range(6):
        cdr.write(f"{DAY}/{hour:02}/app_app.csv", calls(f"{hour}-a", f"{hour}-b"))
    cdr.stage(".")
    assert current(cdr) == [1, 2, 3, 4, 5, 6]
    day = [f"{hour}-{call}" for hour in range(6) for call in "ab"]
    cdr.write(f"{DAY}/app_app.csv", calls(*day[:-1], "new"))
    planned = cdr.stage(".", "--dry-run")
    files = cdr.stage(".")
    assert planned == files
    assert files[-1]["message"] == "supersedes files 1, 2, 3, 4 and 2 more (12 records); it lacks 1 of them"
    assert current(cdr) == [7]
    assert cdr.query("select distinct message from raw_sinch.files where state = 'superseded'") == [
        ("superseded by file 7",)
    ]
    assert "files 1, 2, 3, 4, 5, 6, which it superseded, stay out" in cdr("withdraw", "7").stdout
    cdr("verify", "-q")


def test_a_version_supersedes_what_it_shares_a_call_with_and_nothing_else(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery("a", "b"))
    for content in (delivery("a", "b"), delivery("c"), delivery("d"), delivery("\ufeffc ", "e", "")):
        path.write_text(content)
        cdr.stage(path)
    assert current(cdr) == [1, 3, 4]
    # What was delivered before and still counts is known; what was replaced counts again.
    path.write_text(delivery("a", "b"))
    assert cdr.stage(path)[0]["message"] == "known as file 1, current"
    path.write_text(delivery("c"))
    assert cdr.stage(path)[0]["message"] == (
        "supersedes file 4 (3 records); it lacks 2 of them; "
        "shares no call with files 1 and 3 of its name: all count, unless you withdraw one"
    )
    assert current(cdr) == [1, 3, 5]


def test_a_name_in_two_archives_is_two_deliveries(cdr: Loader) -> None:
    for at in "12":
        cdr.write(f"{at}.zip", zipped({f"sip_{DAY}.csv": delivery(f"call-{at}").encode()}))
    cdr.stage(".")
    assert current(cdr) == [1, 2]


def test_a_version_without_records_takes_no_delivery_away(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery())
    for content, states in (
        (delivery(), ["current"]),
        (delivery("a"), ["superseded", "current"]),
        (delivery("b"), ["superseded", "current", "current"]),
    ):
        path.write_text(content)
        cdr.stage(path)
        assert [state for _, _, state in cdr.states()] == states
    path.write_text(header() + "\n\n")
    assert "files 2 and 3 have 2 records and stay current" in cdr.error("stage", path, "-q")
    assert current(cdr) == [2, 3]


def test_a_failure_is_not_forgotten_for_another_delivery_of_its_name(cdr: Loader) -> None:
    cdr.write(f"account-1/sip_{DAY}.csv.gz", gzip.compress(delivery("a").encode())[:-9])
    cdr.write(f"account-2/sip_{DAY}.csv", delivery("b"))
    for _ in range(2):
        cdr.stage(".", code=1)
        assert sorted(state for _, _, state in cdr.states()) == ["current", "failed"]


def test_a_name_that_fits_several_deliveries_is_not_withdrawn(cdr: Loader) -> None:
    name = f"sip_{DAY}.csv"
    for folder, call_id in (("account-1", "a"), ("account-2", "b"), (".", "c")):
        cdr.write(f"{folder}/{name}", delivery(call_id))
    cdr.stage(".")
    printed = cdr.error("withdraw", name)
    assert f"{name} names 3 files: 1 (2026-11-22, {cdr.inbox}/account-1/{name}), 2 " in printed
    assert printed.endswith("give the file_id or a path of one alone")
    assert current(cdr) == [1, 2, 3]
    cdr("withdraw", f"account-1/{name}")
    assert cdr.json("withdraw", f"./{name}")["file"]["file_id"] == 3
    # One is left, so that the name is enough.
    cdr("withdraw", name)
    assert current(cdr) == []
    # They coexist again; a version of one does not.
    cdr("withdraw", "--undo", "1")
    cdr("withdraw", "--undo", "2")
    cdr.write(f"account-1/{name}", delivery("a", "new"))
    cdr.stage("account-1")
    cdr("withdraw", "1")
    assert f"file 4 is the current version of {name}" in cdr.error("withdraw", "--undo", "1")


def test_names_are_compared_in_one_form_of_unicode(cdr: Loader) -> None:
    composed, decomposed = f"r\u00e9seau_{DAY}.csv", f"re\u0301seau_{DAY}.csv"
    cdr.write(f"a/{composed}", delivery("x", "a"))
    cdr.stage("a")
    cdr.write(f"b/{decomposed}", delivery("x", "b"))
    cdr.stage("b")
    assert [(name, state) for _, name, state in cdr.states()] == [
        (composed, "superseded"),
        (decomposed, "current"),
    ]
    assert [file["file_id"] for file in cdr.json("files", "--file", composed)["files"]] == [1, 2]
    assert cdr.json("withdraw", composed)["file"]["file_id"] == 2


@pytest.mark.parametrize("together", [True, False])
def test_a_difference_in_case_alone_is_reported(cdr: Loader, together: bool) -> None:
    first, second = f"SIP_{DAY}.csv", f"sip_{DAY}.csv"
    cdr.write(f"a/{first}", delivery("x", "a"))
    if not together:
        cdr.stage(".")
    cdr.write(f"b/{second}", delivery("x", "b"))
    assert cdr.stage(".")[-1]["message"] == f"differs in case alone from file 1 ({first}): another delivery"
    assert current(cdr) == [1, 2]


# --- what is looked at again --------------------------------------------------------------------------------


def settled(path: Path) -> None:
    """Sets a file's time back and lets its change time grow old enough to be known by."""
    os.utime(path, (1_700_000_000, 1_700_000_000))


def let_looks_settle(cdr: Loader) -> None:
    cdr.execute("update raw_sinch.looks set seen_at = seen_at + interval 1 hour")


@pytest.mark.parametrize("way", ["renamed", "in place"])
def test_a_correction_of_equal_size_and_time_is_seen(cdr: Loader, way: str) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery("x", "a"))
    settled(path)
    cdr.stage(path)
    let_looks_settle(cdr)
    new = path if way == "in place" else cdr.inbox / "new"
    new.write_text(delivery("x", "b"))
    settled(new)
    if way == "renamed":
        new.rename(path)
    (file,) = cdr.stage(path)
    assert file["state"] == "current"
    assert file["message"] == "supersedes file 1 (2 records); it lacks 1 of them"


def test_a_member_is_looked_at_by_its_checksum(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    def archive(call_id: str) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as made:
            made.writestr(zipfile.ZipInfo(f"sip_{DAY}.csv"), delivery("x", call_id))
        return out.getvalue()

    path = cdr.write("x.zip", archive("a"))
    cdr.stage(path)
    path.write_bytes(archive("a"))
    monkeypatch.setattr("loader.staging.prepare.prepare", None)
    assert [file["state"] for file in cdr.stage(path)] == ["skipped"]
    monkeypatch.undo()
    path.write_bytes(archive("b"))
    assert [file["state"] for file in cdr.stage(path)] == ["current"]


# --- the wrong day first ------------------------------------------------------------------------------------


@pytest.mark.parametrize("second", [f"cdr_{DAY}.csv", f"cdr_2026-11-12/{DAY}/x.csv", "undated.csv"])
def test_a_duplicate_under_the_right_day_is_staged_when_the_wrong_one_is_withdrawn(
    cdr: Loader, second: str
) -> None:
    cdr.write("cdr_2026-11-12.csv", delivery("a"))
    cdr.stage(".")
    path = cdr.write(second, delivery("a"))
    (file,) = cdr.stage(path)
    assert (file["state"], file["file_date"]) == ("duplicate", DAY)
    assert file["message"].endswith(
        ", current), for 2026-11-12; if that is wrong: `cdr withdraw 1`, then stage this again"
    )
    let_looks_settle(cdr)
    cdr("withdraw", "1")
    planned = cdr.stage(".", "--dry-run")
    files = {file["path"]: file for file in cdr.stage(".")}
    assert {file["path"]: file for file in planned} == files
    staged = files[str(path)]
    assert (staged["state"], staged["file_date"], staged["file_id"]) == ("current", DAY, 3)
    wrong = files[str(cdr.inbox / "cdr_2026-11-12.csv")]
    assert wrong["message"] == "known as file 1, withdrawn; `cdr withdraw --undo 1` undoes it"
    assert "file 3 is the same content" in cdr.error("withdraw", "--undo", "1")
    assert [file["state"] for file in cdr.stage(".")] == ["skipped", "skipped"]
    assert cdr.records(columns='"CallId"') == [(2, "a"), (2, "a")]


def test_withdrawn_content_stays_out_for_its_own_day(cdr: Loader) -> None:
    cdr.write(f"cdr_{DAY}.csv", delivery("a"))
    cdr.stage(".")
    cdr("withdraw", "1")
    for name in (f"other_{DAY}.csv", "undated.csv", f"{DAY}/x.csv"):
        cdr.write(name, delivery("a"))
        (file,) = cdr.stage(name)
        assert (file["state"], file["file_date"]) == ("duplicate", DAY)
        assert file["message"].endswith(", withdrawn); `cdr withdraw --undo 1` undoes it")
    assert {file["state"] for file in cdr.stage(".", "--again")} == {"skipped"}
    assert cdr.stage("undated.csv", "--file-date", "2026-11-23")[0]["state"] == "current"


@pytest.mark.parametrize(
    ("state", "printed"),
    [
        ("superseded", "known as file 1, superseded; stage it with --again to make it current"),
        ("withdrawn", "known as file 1, withdrawn; `cdr withdraw --undo 1` undoes it"),
        ("duplicate", "known as file 2, duplicate of file 1, withdrawn; `cdr withdraw --undo 1` undoes it"),
        ("purged", "its records are gone for good"),
    ],
)
def test_a_file_that_is_named_is_never_skipped_silently(cdr: Loader, state: str, printed: str) -> None:
    path = cdr.write(f"in/sip_{DAY}.csv", delivery("x", "a"))
    cdr.stage(path)
    if state == "superseded":
        cdr.write(f"other/sip_{DAY}.csv", delivery("x", "b"))
        cdr.stage("other")
    elif state == "purged":
        cdr("purge", "--before", "2026-11-23", "--yes")
    else:
        cdr("withdraw", "1")
    if state == "duplicate":
        path = cdr.write(f"in/copy_{DAY}.csv", delivery("x", "a"))
        assert f"cdr: {path}: not staged: same content as file 1 (" in cdr("stage", path, "-q").stderr
    let_looks_settle(cdr)
    for arguments in ((path,), (path, "-q"), (path.parent, "-v")):
        result = cdr("stage", *arguments)
        shown = result.stderr if arguments[0] == path else result.stdout
        assert printed in " ".join(shown.split())
    assert "replaced or withdrawn (-v lists them)" in cdr("stage", path.parent).stdout


@pytest.mark.parametrize("name", ["days.zip", "days"])
def test_members_of_an_archive_that_is_named_are_not_left_out_without_a_word(cdr: Loader, name: str) -> None:
    days = ("2026-11-21", DAY)
    path = cdr.write(name, zipped({f"sip_{day}.csv": delivery(day).encode() for day in days}))
    cdr.stage(path)
    cdr("withdraw", "1")
    for _ in range(2):
        (line,) = cdr("stage", path, "-q").stderr.splitlines()
        assert line == (
            f"cdr: {path}!sip_2026-11-21.csv: not staged: "
            "known as file 1, withdrawn; `cdr withdraw --undo 1` undoes it"
        )


def test_an_archive_that_is_named_and_holds_no_delivery_is_reported(cdr: Loader) -> None:
    path = cdr.write("mails.zip", zipped({"a.txt": b"some words\n", "b.txt": b"and more\n"}))
    lines = cdr("stage", path, "-q").stderr.splitlines()
    assert lines == [
        f"cdr: {path}!{name}: not staged: no sign of call detail records" for name in ("a.txt", "b.txt")
    ]
    assert cdr("stage", ".", "-q").stderr == ""


def test_a_known_file_that_is_named_is_listed(cdr: Loader) -> None:
    path = cdr.write(f"sip_{DAY}.csv", delivery("a"))
    cdr.stage(path)
    assert "known as file 1, current" in " ".join(cdr("stage", path).stdout.split())
    assert cdr("stage", ".").stdout == "1 file is known and unchanged (-v lists them)\n"


# --- folders, globs, paths ----------------------------------------------------------------------------------


def test_a_folder_with_other_files_in_it(cdr: Loader) -> None:
    cdr.write("good.csv", delivery("a"))
    others = {
        ".hidden.csv": "hidden file",
        "upload.csv.part": "half-written file by its name",
        "upload.TMP": "half-written file by its name",
        "backup.csv~": "half-written file by its name",
        "page.html": "no sign of call detail records",
        "README": "no sign of call detail records",
        "notes.txt": "no sign of call detail records",
        ".git/x.csv": "hidden folder",
    }
    for name in others:
        cdr.write(name, "some words\nand more\n")
    files = cdr.stage(".")
    assert {Path(f["path"]).name: f["message"] for f in files if f["state"] == "ignored"} == {
        ".git" if name.startswith(".git/") else name: reason for name, reason in others.items()
    }
    assert [f["file_name"] for f in files if f["state"] == "current"] == ["good.csv"]
    assert len(cdr.states()) == 1


def test_links_to_folders_are_followed_but_not_in_circles(cdr: Loader) -> None:
    cdr.write("real/a.csv", delivery("a"))
    (cdr.inbox / "real" / "again").symlink_to(cdr.inbox / "real")
    elsewhere = cdr.inbox.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.csv").write_text(delivery("b"))
    (cdr.inbox / "link").symlink_to(elsewhere)
    assert sorted(f["file_name"] for f in cdr.stage(".")) == ["a.csv", "b.csv"]


@pytest.mark.parametrize("path", [".", "**", "**/*.csv"])
def test_a_folder_is_walked_once_however_many_links_lead_to_it(cdr: Loader, path: str) -> None:
    """Two ways from each of forty folders to the next would be 2^40 ways."""
    folder = cdr.inbox
    for _ in range(40):
        (folder / "a").mkdir()
        (folder / "b").symlink_to("a")
        folder = folder / "a"
    (folder / "sip.csv").write_text(delivery("a"))
    (file,) = cdr.stage(path)
    assert (file["file_name"], file["state"]) == ("sip.csv", "current")


@pytest.mark.parametrize(
    "name",
    [
        "cdr[1].csv",
        "a*b.csv",
        "what?.csv",
        "it's.csv",
        "{x}.csv",
        "semi;colon.csv",
        "back\\slash.csv",
        "~.csv",
        "[red]x.csv",
    ],
)
def test_names_that_mean_something_elsewhere(cdr: Loader, name: str) -> None:
    cdr.write(name, delivery("right"))
    for decoy in ("cdr1.csv", "aXb.csv", "whatX.csv", "x.csv"):
        cdr.write(f"decoys/{decoy}", delivery("wrong"))
        cdr.write(decoy, delivery("wrong", "wrong"))
    path = cdr.inbox / name
    (file,) = cdr.stage(path)
    assert file["file_name"] == name
    assert [call for _, call in cdr.records(columns='"CallId"')] == ["right"]
    assert name in cdr("stage", path, "-v").stdout


def test_a_name_that_is_no_utf_8(cdr: Loader) -> None:
    path = Path(os.fsdecode(os.fsencode(cdr.inbox) + b"/sip\xff.csv"))
    path.write_text(delivery("a"))
    (file,) = cdr.stage(".")
    assert (file["file_name"], file["state"]) == ("sip\\xff.csv", "current")
    assert "sip\\xff.csv" in cdr("stage", ".", "-v").stdout


def test_globs(cdr: Loader) -> None:
    for name in ("a1.csv", "a2.csv", "b.csv", "deep/er/a3.csv"):
        cdr.write(name, delivery(name))
    assert [f["file_name"] for f in cdr.stage("a?.csv")] == ["a1.csv", "a2.csv"]
    assert [f["file_name"] for f in cdr.stage("**/a*.csv")] == ["a1.csv", "a2.csv", "a3.csv"]
    assert "no file matches z*.csv" in cdr.error("stage", "b.csv", "z*.csv")


def test_a_path_given_twice_is_one_file(cdr: Loader) -> None:
    cdr.write("a.csv", delivery("a"))
    assert [f["state"] for f in cdr.stage(".", "a.csv", str(cdr.inbox / "a.csv"))] == ["current"]


def test_an_empty_folder_is_no_error(cdr: Loader) -> None:
    assert cdr.stage(".") == []
    assert "no files found" in cdr("stage", ".").stderr


def test_what_is_no_regular_file_fails(cdr: Loader) -> None:
    os.mkfifo(cdr.inbox / "pipe.csv")
    for path in ("/dev/null", "pipe.csv"):
        assert "not a regular file" in cdr.error("stage", path, "-q")
