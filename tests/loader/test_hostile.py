"""Time that follows the bytes and bounded memory, whatever is in a file; lines that quotes would swallow."""

import io
import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from builders import delivery, header, record
from harness import Loader, environment

from loader.feeds import KINDS
from loader.parsing.header import Columns
from loader.parsing.lines import Lines, clean_lines
from loader.parsing.records import ExactReader, Record, Reject, split_lines

COLUMNS = Columns("sip_terminated", KINDS["sip_terminated"])
GOOD = record(call_id="good").encode() + b"\n"
# Closes a quoted field and opens another.
CHAIN = b'c;1;5";"x;;key\n'
# A line that was all quoted and lost its outer quotes.
STRIPPED = b'c1";"10420";"2026-11-22T10:00:00Z";"ANSWERED";"N/A";"5";"a";"b";"c";"key\n'

PATTERNS: dict[str, Callable[[int], bytes]] = {
    "chains before a good line": lambda n: CHAIN * n + GOOD + CHAIN,
    "chains and good lines": lambda n: (CHAIN * 50 + GOOD) * (n // 50),
    "outer quotes lost, every tenth line whole": lambda n: (STRIPPED * 9 + GOOD) * (n // 10),
    "open quotes": lambda n: b'x;"a\n' * n,
    "open quotes with times": lambda n: b'x;1;2026-11-22T10:00:00Z;"a\n' * n,
    "open quotes over doubled ones": lambda n: b'x;"a\n' + b'""\n' * n,
    "open quotes over plain lines": lambda n: (b';"a\n' + b"x;y\n" * 20) * (n // 20),
    "open quotes over blank lines": lambda n: (b';"a\n' + b"\n" * 20) * (n // 20),
    "lone quotes": lambda n: b'"\n' * n,
    "doubled quotes": lambda n: b'""\n' * n,
    "quotes and delimiters": lambda n: b'";"\n' * n,
    "odd and even quotes": lambda n: b'x"";"";"y\n' * n,
    "three quotes": lambda n: b'"""\n;"""\n' * n,
    "blank lines": lambda n: b"\n" * (n * 10),
    "blank lines of CRLF": lambda n: b"\r\n" * (n * 10),
    "blank and short lines": lambda n: b"\n;" * n,
    "bare CRs": lambda n: b"a\rb;\r\n" * n,
    "NULs": lambda n: b'"\0;"\n' * n,
    "bad bytes": lambda n: b'\xff;"\xfe\n' * n,
    "many columns": lambda n: b";" * n + b"\n",
    "many quoted columns": lambda n: b'"a";' * n + b"\n",
    "one long value": lambda n: b'"' + b'a""' * n + b'"\n',
    "values over many lines": lambda n: (b'x;"' + b"y\n" * 30 + b'";;;;;;;;\n') * (n // 30),
}


class Counted(Lines):
    """Count the bytes of every line that is looked at, each time it is."""

    seen = 0

    def line(self, ahead: int = 0) -> bytes | None:
        found = super().line(ahead)
        self.seen += len(found or b"") + 1
        return found


def looked_at(text: bytes) -> int:
    lines = Counted(io.BytesIO(text), 0, 1, clean_lines(COLUMNS))
    for _ in split_lines(ExactReader(lines, COLUMNS, transcoded=False), lambda *_: None):
        pass
    return lines.seen


@pytest.mark.parametrize("name", PATTERNS)
def test_the_bytes_looked_at_follow_the_size(name: str) -> None:
    """A line is looked at a few times for each column at most, however many lines there are."""
    for n in (1_000, 4_000):
        text = PATTERNS[name](n)
        assert looked_at(text) <= 15 * COLUMNS.width * len(text)
    # The first n lines cost no more because others follow.
    assert looked_at(PATTERNS[name](4_000)) <= 4.5 * looked_at(PATTERNS[name](1_000)) + 10_000


@pytest.mark.soak
@pytest.mark.parametrize("name", PATTERNS)
def test_hostile_files_stay_below_a_gibibyte(cdr: Loader, name: str) -> None:
    """Tens of megabytes of each pattern, in a process of its own."""
    size = len(PATTERNS[name](1_000)) / 1_000
    text = PATTERNS[name](int(40e6 / size))
    path = cdr.write("sip_terminated.csv", header().encode() + b"\n" + text)
    program = (
        "import json, resource, sys, time\n"
        "from click.testing import CliRunner\n"
        "from loader.cli.main import main\n"
        "result = CliRunner().invoke(main, sys.argv[1:])\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(json.dumps([result.exit_code, peak, time.process_time()]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "stage", str(path), "--database", str(cdr.database)],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    code, peak, seconds = json.loads(done.stdout)
    assert code in (0, 1, 2)
    assert peak < 1 << 20
    assert seconds < 120


def outcomes(text: bytes) -> list[tuple[int, str]]:
    """Lines and CallIds of the records, lines and reasons of the rejects, in the exact reader's way."""
    lines = Lines(io.BytesIO(text), 0, 1, lambda _block, some: [False] * len(some))
    found: list[tuple[int, str]] = []
    for one in split_lines(ExactReader(lines, COLUMNS, transcoded=False), lambda *_: None):
        found.append((one.line, one.values[0] if isinstance(one, Record) else str(one.reason_code)))
        assert isinstance(one, Record | Reject)
    return found


def test_a_quote_that_opens_and_one_that_closes_later_swallow_nothing() -> None:
    rows = [record(call_id=str(at), To='"' if at in (2, 5) else "") for at in range(1, 7)]
    text = "".join(f"{row}\n" for row in rows).encode()
    bad = "unbalanced_quote"
    assert outcomes(text) == [(1, "1"), (2, bad), (3, "3"), (4, "4"), (5, bad), (6, "6")]


def test_a_quote_does_not_run_over_a_line_that_ends_with_its_call_time() -> None:
    cut_off = b"b;10420;2026-11-22T10:00:00Z\n"
    closing = b'y";2026-11-22T10:00:00Z;ANSWERED;N/A;5;a;b;c;key\n'
    expected = [(1, "unbalanced_quote"), (2, "too_few_fields"), (3, "too_few_fields")]
    assert outcomes(b'x;"stray\n' + cut_off + closing) == expected
    # Without a time it is a value of three lines.
    assert outcomes(b'x;"stray\n' + cut_off.replace(b"T10", b"") + closing) == [(1, "x")]


def test_two_neighbours_with_a_lone_quote_do_not_become_one_record() -> None:
    rows = [record(call_id=str(at), To='"', Custom="x") for at in (1, 2)]
    text = "".join(f"{row}\n" for row in rows).encode()
    assert outcomes(text) == [(1, "unbalanced_quote"), (2, "unbalanced_quote")]


def test_a_value_of_several_lines_stays_one_value() -> None:
    text = record(call_id="1", Custom='"{""a"": 1,\n\n""at"": ""2026-11-22T10:00:00Z"";x;y\n}"') + "\n"
    assert outcomes(text.encode() + GOOD) == [(1, "1"), (5, "good")]


def test_too_many_rejects_fail_the_file_whole(cdr: Loader) -> None:
    cdr.write("sip.csv", delivery("a") + "x;y\n" * 30)
    line = cdr.error("stage", "sip.csv", "--max-rejected-records", 20, "-q")
    assert "more than 20 records are rejected, the last on line 23 (too_few_fields)" in line
    assert cdr.records() == []
    assert cdr.rejects() == []
    assert cdr.stage("sip.csv", "--max-rejected-records", 30, code=1)[0]["rejected"] == 30


def test_a_zip_of_many_members_is_opened_once(cdr: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    import zipfile

    path = cdr.inbox / "many.zip"
    with zipfile.ZipFile(path, "w") as made:
        for at in range(20):
            made.writestr(f"sip_{at}.csv", delivery(str(at)))
    opened: list[object] = []
    original = zipfile.ZipFile.__init__

    def counting(self: zipfile.ZipFile, *arguments: object, **options: object) -> None:
        # Python's own library may be an archive, too.
        if not isinstance(arguments[0], str):
            opened.append(arguments)
        original(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(zipfile.ZipFile, "__init__", counting)
    assert {f["state"] for f in cdr.stage(path)} == {"current"}
    assert len(opened) == 1
