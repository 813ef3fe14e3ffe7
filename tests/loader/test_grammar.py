"""Nothing is lost or altered: random and hostile texts against an independent reading of the grammar."""

import csv
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import header
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from reference_grammar import Outcome, reading

from loader.database.manifest import File
from loader.database.schema import create_raw_schema
from loader.feeds import KINDS
from loader.inputs import content
from loader.inputs.content import prepare
from loader.inputs.opening import LocalFile
from loader.parsing import lines as parsed_lines
from loader.parsing import records
from loader.parsing.header import Columns
from loader.parsing.layout import NoRecords, detect_layout
from loader.staging import insert
from loader.staging.load import Load
from loader.staging.looks import Looks
from loader.staging.options import Options
from loader.staging.prepare import Ready
from loader.staging.small import insert_small, measure_small, read_small
from loader.staging.stage import bound_memory
from loader.staging.strategies import ControlTotalMismatch, FileLoad, LoadResult, LoadStrategy
from loader.staging.succession import Records
from loader.staging.versioning import Versions

COLUMNS = Columns("sip_terminated", KINDS["sip_terminated"])
WIDTH = COLUMNS.width
WHOLE = content.BLOCK
SECTION, FEW = insert.SECTION, parsed_lines._FEW
HEADER = header().encode() + b"\n"


def load_together(file: FileLoad) -> LoadResult:
    """As one of many small files."""
    delivered = File(file.file_id, "x.csv", "x.csv", file.layout.kind)
    load = Load(
        place=0,
        file=delivered,
        ready=Ready(delivered, file.content, file.layout),
        connection=file.connection,
        folder=file.folder,
        options=Options(),
        versions=Versions(file.connection),
        looks=Looks(file.connection),
        records=Records(),
        stopping=threading.Event(),
    )
    reads = [read_small(load)]
    insert_small(file.connection, reads)
    return measure_small(file.connection, reads)[0]


WAYS: dict[str, LoadStrategy | None] = {
    "as the loader chooses": None,
    "mixed": FileLoad.load_mixed,
    "exactly": FileLoad.load_exactly,
    "together with others": load_together,
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())

# The fixtures hold nothing that an example leaves behind for the next.
hostile = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

values = st.text(
    st.sampled_from('ab;";"\n\r \té€\U0001f4de{}\\,#') | st.characters(codec="utf-8"), max_size=8
)
plain_values = st.text(st.sampled_from("abcé +-:"), max_size=6)
# The whole text at once, or a line or two at a time and every line a piece of its own.
sections = st.sampled_from([SECTION, 40])
rows = st.lists(st.lists(values, min_size=WIDTH, max_size=WIDTH), max_size=6)


class Reader:
    """Loads texts into a database in memory, each as a file of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = patch
        self.connection = duckdb.connect()
        self.file_id = 0
        create_raw_schema(self.connection)
        bound_memory(self.connection)
        self.connection.execute("set threads = 4")

    def __call__(self, text: bytes, way: LoadStrategy | None, section: int = SECTION) -> list[Outcome]:
        """Stage a text that way, or the first that can prove itself; return what became of its records."""
        path = self.folder / "sip_terminated.csv"
        path.write_bytes(text)
        text_read = prepare(LocalFile(path), None, self.folder)
        layout = detect_layout(text_read, None, "sip_terminated")
        self.file_id += 1
        if isinstance(layout, NoRecords):
            assert text_read.profile.lines == layout.line - 1
            return []
        load = FileLoad(self.connection, text_read, layout, self.file_id, self.folder)
        for strategy in [way] if way else load.strategies:
            self.connection.begin()
            try:
                self.patch.setattr(insert, "SECTION", section)
                self.patch.setattr(insert, "PIECE", section if section == SECTION else 1)
                self.patch.setattr(parsed_lines, "_FEW", FEW if section == SECTION else 1)
                loaded = strategy(load)
                loaded.check(text_read)
                self.connection.commit()
                break
            except (ControlTotalMismatch, duckdb.Error):
                self.connection.rollback()
        else:
            raise AssertionError("no way could prove itself")
        found = self._outcomes()
        assert loaded.staged == sum(reason == "" for _, reason, _ in found)
        assert loaded.rejected == len(found) - loaded.staged
        return found

    def _outcomes(self) -> list[Outcome]:
        columns = ", ".join(f'"{name}"' for name in KINDS["sip_terminated"])
        staged = self.connection.execute(
            f"select _line, {columns} from raw_sinch.sip_terminated where _file_id = ?", [self.file_id]
        ).fetchall()
        rejected = self.connection.execute(
            "select line, reason_code, raw from raw_sinch.rejected_records where file_id = ?", [self.file_id]
        ).fetchall()
        return sorted(
            [(line, "", tuple(values)) for line, *values in staged]
            + [(line, reason, (raw,)) for line, reason, raw in rejected]
        )


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    reader = Reader(tmp_path, monkeypatch)
    yield reader
    reader.connection.close()


@each_way
@given(
    rows=rows,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    section=sections,
)
@hostile
def test_what_the_csv_module_writes_comes_back(
    read: Reader, way: Any, rows: list[list[str]], quoting: Any, line_end: str, bom: bool, section: int
) -> None:
    if line_end == "\n" and quoting != csv.QUOTE_ALL:
        # The csv module leaves a CR unquoted then, where it looks like a part of the line's end.
        rows = [[value.replace("\r", "") for value in row] for row in rows]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", quoting=quoting, lineterminator=line_end)
    writer.writerow(KINDS["sip_terminated"])
    expected: list[tuple[int, tuple[str, ...] | None]] = []
    for row in rows:
        line = text.getvalue().count("\n") + 1
        writer.writerow(row)
        expected.append((line, None if any("\0" in value for value in row) else tuple(row)))
    written = text.getvalue()
    read_back = list(csv.reader(io.StringIO(written, newline=""), delimiter=";"))
    assert read_back[1:] == rows
    found = read(written.encode("utf-8-sig" if bom else "utf-8"), way, section)
    assert [(line, None if reason else got) for line, reason, got in found] == expected


def lines_of(fields: Any) -> Any:
    return st.lists(fields, min_size=WIDTH - 1, max_size=WIDTH + 1).map(";".join)


quoted = values.map(lambda value: '"' + value.replace('"', '""') + '"')
lines = st.one_of(
    lines_of(plain_values),
    st.lists(plain_values, min_size=WIDTH, max_size=WIDTH).map(";".join),
    st.lists(plain_values | quoted, min_size=WIDTH, max_size=WIDTH).map(";".join),
    # Quotes that open and never close, close in the middle of a field, or close too late.
    lines_of(plain_values | quoted | plain_values.map('"{}'.format) | plain_values.map('"{}"x'.format)),
    st.sampled_from(["", " ", '"', '""', ";" * (WIDTH - 1), '{"foo":"x"}' + ";" * (WIDTH - 1), "\x02\x03"]),
    st.text(st.sampled_from('a;"\0\r'), max_size=14),
)
texts = st.lists(
    st.tuples(
        lines.map(str.encode) | st.binary(max_size=12),
        st.sampled_from([b"\n", b"\n", b"\r\n", b"\r\r\n", b"\n\n"]),
    ).map(b"".join),
    max_size=8,
).map(b"".join)


@each_way
@given(text=texts, cut=st.booleans(), section=sections)
@example(text=b'a;"b\n;;;;;;;;;\n";"q\n', cut=False, section=40)
@example(text=b'1;"a;;;;;;;;\n2;;;;;;;;;\0\n3;;;;;;;;;"\n', cut=False, section=40)
@example(text=b'1;"\xff";;;;;;;;\n"\\x41;\xfe\n', cut=False, section=40)
@example(text=b";;;;;;;;;\r", cut=False, section=40)
@example(text=b"\x02\x03;;;;;;;;;\n", cut=False, section=40)
@hostile
def test_hostile_texts_are_read_by_the_grammar(
    read: Reader, way: Any, text: bytes, cut: bool, section: int
) -> None:
    compare_with_the_grammar(read, way, text[:-1] if cut else text, section)


@each_way
@given(
    before=st.lists(lines.map(str.encode), max_size=4),
    after=st.lists(lines.map(str.encode), max_size=4),
    good=st.integers(1, 3),
    section=sections,
)
@hostile
def test_a_line_that_is_a_record_is_never_inside_another(
    read: Reader, way: Any, before: list[bytes], after: list[bytes], good: int, section: int
) -> None:
    """Whatever stands around it."""
    row = b"call;1;2026-11-22T10:00:00Z;ANSWERED;N/A;1;a;b;{};key"
    head = b"".join(line + b"\n" for line in before)
    text = head + (row + b"\n") * good + b"\n".join(after)
    first = 2 + head.count(b"\n")
    staged = {line: values for line, reason, values in read(HEADER + text, way, section) if not reason}
    expected = tuple(row.decode().split(";"))
    assert [staged.get(first + at) for at in range(good)] == [expected] * good


@pytest.mark.soak
@each_way
@given(text=texts, cut=st.booleans(), section=sections)
@settings(hostile, max_examples=3_000)
def test_many_hostile_texts(read: Reader, way: Any, text: bytes, cut: bool, section: int) -> None:
    compare_with_the_grammar(read, way, text[:-1] if cut else text, section)


def compare_with_the_grammar(read: Reader, way: Any, text: bytes, section: int) -> None:
    found = read(HEADER + text, way, section)
    assert comparable(found) == comparable(reading(text, WIDTH, first_line=2))


@given(text=texts, size=st.integers(1, 40))
@example(text=b"PK\x03\x04\n;;;;;;:::\xc3\xa9;::\xc3\xa9\xc3\xa9;:::::\n", size=1)
@example(text=b"\xff\xd8\xff\n", size=1)
@hostile
def test_block_boundaries_change_nothing(tmp_path: Path, text: bytes, size: int) -> None:
    path = tmp_path / "text"
    path.write_bytes(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsed_lines, "BLOCK", size)
        patch.setattr(content, "BLOCK", size)
        # Any bytes are lines here, those that begin an archive or a picture, too.
        patch.setattr(content, "check_signature", lambda *_: None)
        clean_text: list[bytes] = []
        with path.open("rb", buffering=0) as file:
            lines = parsed_lines.Lines(file, 0, 1, parsed_lines.clean_lines(COLUMNS))
            reader = records.ExactReader(lines, COLUMNS, transcoded=False)

            def write(some: bytes, count: int, clean: bool) -> None:
                clean_text.append(some)
                assert some.count(b"\n") == count
                assert clean == (b"\0" not in some)

            found = list(records.split_lines(reader, write))
        source = LocalFile(path)
        counted = prepare(source, None, tmp_path).profile
        patch.setattr(content, "BLOCK", WHOLE)
        whole = prepare(source, None, tmp_path).profile
    clean = b"".join(clean_text).split(b"\n")[:-1]
    for name in ("size", "bom", "line_feeds", "carriage_returns", "crlf", "has_nul", "valid_utf8", "lines"):
        assert getattr(counted, name) == getattr(whole, name), name
    assert counted.lines == len(clean)
    got: list[Outcome] = [
        (one.line, "", one.values)
        if isinstance(one, records.Record)
        else (one.line, one.reason_code, (one.raw,))
        for one in found
    ]
    for number, line in enumerate(clean, start=1):
        if not line.startswith(b"\0;"):
            got += reading(line + b"\n", WIDTH, number)
    assert comparable(got) == comparable(reading(text, WIDTH))


def comparable(outcomes: list[Outcome]) -> list[Outcome]:
    """In order, with a backslash that the loader escapes in undecodable text as it was."""
    return sorted(
        (line, reason, (got[0].replace("\\x5cx", "\\x"),) if reason == "undecodable_bytes" else got)
        for line, reason, got in outcomes
    )


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    ("way", "lines"),
    [
        (FileLoad.load_in_place, [b"a;b;;;;;;;;"]),
        (FileLoad.load_in_place, [b'{"foo":"x"};;;;;;;;;']),
        (FileLoad.load_in_place, [b'a;"b;c";;;;;;;;', b'a;"b""c";"";;;;;;;', b'{"foo":"x"};;;;;;;;;']),
        (FileLoad.load_in_place, [";".join(['"é"'] * WIDTH).encode()]),
        (FileLoad.load_mixed, [b'a;"b', b'c";;;;;;;;', b'a;"b;""c";;;;;;;;', b'{"foo":"x"};;;;;;;;;']),
        (FileLoad.load_mixed, [b"a;b;;;;;;;;", b"", b'{"foo":"x"};;;;;;;;;']),
        (FileLoad.load_mixed, [b'a; "b";;;;;;;;', b'"a";;;;;;;;;']),
        (
            FileLoad.load_mixed,
            [b'a;"b;;;;;;;;', b"a;\xff;;;;;;;;", b"a;\0;;;;;;;;", b"a;b", b"a;b\rc;;;;;;;;"],
        ),
    ],
)
def test_the_fastest_way_that_can_be_right_proves_itself(
    read: Reader, way: LoadStrategy, lines: list[bytes], line_end: bytes
) -> None:
    """Not the exact reader for whole files, which is several times slower."""
    text = line_end.join([HEADER[:-1], *lines, b""])
    found = read(text, way)
    assert found == read(text, None)
    assert len(found) >= 1


# DuckDB reads a text in buffers of this many bytes.
BUFFER = 32_000_000
HOSTILE_LINES = {
    "blank": b"\n",
    "quoted line break": b'q;"a\nb";;;;;;;;\n',
    "unbalanced quote": b'q;"a;;;;;;;;\n',
    "self-contained quotes": b'"q";"a";;;;;;;;\n',
    "NUL": b"q;\0;;;;;;;;\n",
    "bad byte": b"q;\xff;;;;;;;;\n",
    "character of four bytes": "q;\U0001f4de;;;;;;;;\n".encode(),
    "too few": b"q;;\n",
    "CRLF": b"q;;;;;;;;;\r\n",
    "bare CR": b"q;\r;;;;;;;;\n",
}


def check_at_buffer_boundary(read: Reader, hostile_line: bytes, offset: int) -> None:
    """A file larger than the engine's buffer, with a hostile line that starts at an offset from its end;
    every other line has its own number in CallId.
    """
    text = bytearray(HEADER)
    number = 1
    room = BUFFER + offset
    while room - len(text) > 4000:
        number += 1
        text += b"%d;%s;;;;;;;;\n" % (number, b"x" * 900)
    number += 1
    rest = room - len(text) - len(b"%d;;;;;;;;;\n" % number)
    text += b"%d;%s;;;;;;;;\n" % (number, b"y" * rest)
    assert len(text) == room
    text += hostile_line
    number += hostile_line.count(b"\n")
    for _ in range(3000):
        number += 1
        text += b"%d;%s;;;;;;;;\n" % (number, b"z" * 900)
    read(bytes(text), None)
    wrong = read.connection.execute(
        """select count(*) from raw_sinch.sip_terminated where "CallId" <> 'q' and "CallId" <> _line"""
    ).fetchone()
    good = read.connection.execute(
        """select count(*) from raw_sinch.sip_terminated where "CallId" <> 'q'"""
    ).fetchone()
    assert wrong == (0,)
    assert good == (number - 1 - hostile_line.count(b"\n"),)
    (expected,) = reading(hostile_line, WIDTH) or [None]
    rejects = read.connection.execute("select count(*) from raw_sinch.rejected_records").fetchone()
    assert rejects == (int(expected is not None and expected[1] != ""),)


@pytest.mark.parametrize("name", ["blank", "quoted line break", "CRLF"])
def test_a_hostile_line_at_the_end_of_a_buffer(read: Reader, name: str) -> None:
    check_at_buffer_boundary(read, HOSTILE_LINES[name], 0)


@pytest.mark.soak
@pytest.mark.parametrize("offset", range(-14, 4))
@pytest.mark.parametrize("name", HOSTILE_LINES)
def test_hostile_lines_around_the_end_of_a_buffer(read: Reader, name: str, offset: int) -> None:
    check_at_buffer_boundary(read, HOSTILE_LINES[name], offset)
