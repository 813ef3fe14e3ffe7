"""On a terminal: tables fit its width, no command is silent for long; in a pipe nothing is cut."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from datetime import date
from pathlib import Path

import pytest
from builders import delivery, record
from harness import REPOSITORY, Loader, environment

from loader.cli import output
from loader.cli.facts import print_summary
from loader.cli.main import main
from loader.report.summary import KindOfDay, Summary, WaitingRule
from loader.staging.stage import Report


def on_a_terminal(command: list[str], columns: int, cwd: Path, typed: str = "") -> str:
    """What a command shows on a terminal so wide, without colours, when somebody types there."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {name: value for name, value in environment().items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=variables | {"TERM": "xterm"}, cwd=cwd
    )
    os.close(follower)
    os.write(leader, typed.encode())
    shown = b""
    while True:
        try:
            read = os.read(leader, 65536)
        except OSError:
            break
        if not read:
            break
        shown += read
    os.close(leader)
    process.wait()
    # What a progress bar wrote and took back is not there any more.
    left = re.sub(r"[^\n]*\x1b\[2K", "", shown.decode().replace("\r\n", "\n"))
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", left)


@pytest.fixture
def many(cdr: Loader) -> Loader:
    """Files with long names, rejects and a failure."""
    for day in range(1, 11):
        name = f"sip_terminated_of_the_account_number_seven_2026-11-{day:02}.csv"
        cdr.write(name, delivery(f"call-{day}") + record(call_id="bad") + ";one more\n")
    cdr.write("failed_2026-11-22.csv", "CallId;Nonsense\n")
    cdr("stage", ".", "-q", code=1)
    return cdr


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit(many: Loader, columns: int) -> None:
    for arguments in (("files", "--state", "current"), ("rejects",), ("stage", ".", "-v", "--again")):
        shown = on_a_terminal(many.command(*arguments), columns, many.inbox)
        # The folder of a test may be longer than a line, and a path is not broken.
        lines = shown.replace(str(many.inbox), "/inbox").splitlines()
        assert max(map(len, lines)) <= columns, shown
        # A line a row.
        assert sum("2026-11-" in line for line in lines) >= 10, shown
        assert len(lines) < 24, shown
    files = on_a_terminal(many.command("files", "--state", "current"), 80, many.inbox)
    assert "all: kind sip_terminated" in files
    wide = on_a_terminal(many.command("files", "--wide"), columns, many.inbox)
    assert "sip_terminated_of_the_account_number_seven_2026-11-01.csv" in wide
    assert "…" not in wide
    assert "…" not in many("files").stdout
    # The same rows below each other in a pipe, and none is cut.
    piped = many("files").stdout
    assert "    sip_terminated_of_the_account_number_seven_2026-11-01.csv\n" in piped
    assert len(many("files", "--wide").stdout.splitlines()) == 12
    # A failure is reported once.
    staged = on_a_terminal(many.command("stage", "failed_2026-11-22.csv", "--again"), columns, many.inbox)
    assert " ".join(staged.split()).count("of no known kind") == 1, staged


def test_an_empty_answer_is_a_sentence(copy: Loader) -> None:
    assert copy("rejects").stdout == "nothing is rejected\n"
    assert copy("files", "--state", "failed").stdout == "no such file; `cdr files` lists all\n"


@pytest.mark.parametrize("columns", [80, 120])
def test_status_and_run_fit_a_screen(copy: Loader, columns: int) -> None:
    for arguments in (("status",), ("run", str(copy.inbox))):
        lines = on_a_terminal(copy.command(*arguments), columns, copy.inbox).splitlines()
        assert max(map(len, lines)) <= columns, lines
        assert len(lines) < 24, lines


def test_progress_is_printed_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "_SILENCE_SECONDS", 0.05)
    with output.progress_bar("building", visible=True) as progress:
        progress(12, 300, "fact_calls")
        time.sleep(0.2)
    message = capsys.readouterr().err
    assert message.startswith("building: 12 of 300 done, 0 s\n")
    with output.progress_bar("building", visible=True, first="reading the project") as progress:
        time.sleep(0.2)
        progress(0, 300, "fact_calls")
        time.sleep(0.2)
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "building: reading the project, 0 s"
    assert last == "building: 0 of 300 done, 0 s"
    with output.progress_bar("building", visible=False):
        time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_the_demo_refuses_a_database_of_other_deliveries(copy: Loader) -> None:
    script = (REPOSITORY / "Makefile").read_text().split("define OTHERS\n")[1].split("\nendef")[0]
    refused = subprocess.run(
        [sys.executable, "-c", script],
        env=environment() | {"CDR_DATABASE": str(copy.database)},
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    assert "8 deliveries that are not the demo's; set CDR_DATABASE to another file" in refused.stderr


def test_a_run_that_would_replace_most_by_less_asks(cdr: Loader) -> None:
    for calls in ("abcde", "ab"):
        for day in range(1, 5):
            cdr.write(f"sip_2026-11-{day:02}.csv", delivery(*(f"{day}{call}" for call in calls)))
        if calls == "abcde":
            cdr("stage", ".", "-q")
    shown = on_a_terminal(cdr.command("run", "."), 200, cdr.inbox, typed="n\n")
    assert "and have 8 of their 20 calls. Replace them? [y/N]: " in shown
    assert "cdr: nothing is staged; another data set needs a database of its own (--database)" in shown
    assert len(cdr.states()) == 4


def test_without_a_terminal_a_line_of_facts_has_at_most_100_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rules = [WaitingRule(f"rule_{number}", "silent", 3, 28) for number in range(20)]
    kinds = [KindOfDay(f"a_kind_of_call_{number}", 10, 5, 0.5) for number in range(4)]
    summary = Summary(date(2026, 11, 22), 40, 20, kinds, [], 0, 0, rules, [])
    report = Report(
        [], over_limit=[], superseding=[], replacement=None, first_rejects={}, named=[], left_out=[]
    )
    print_summary(report, None, None, ["a word " * 40], summary, staged_in=1, built_in=1)
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) in range(90, 101)
    assert "            rule_19 (of 28)" in lines


def test_without_a_terminal_no_command_prints_more_than_100_characters(copy: Loader, tmp_path: Path) -> None:
    """But for a name or a path that is longer: that stays whole, in a line of its own."""
    # Not the inbox of the copied database: other tests read it.
    cdr = Loader(copy.database, tmp_path / "inbox")
    folder = tmp_path / ("a_long_name_of_a_folder_" * 8)
    long_name = f"sip_terminated_{'of_the_account_number_seven_' * 5}2026-11-22.csv"
    cdr.write(long_name, delivery("one") + record(call_id="bad") + "電話;one more\n")
    cdr.write(f"again/{long_name}", delivery("one") + record(call_id="bad") + "電話;one more\n")
    cdr("stage", cdr.inbox / long_name, "-q", code=1)
    commands = [
        ("stage", cdr.inbox / "again", "-v"),
        *((name,) for name in ("files", "rejects", "status", "verify", "compact")),
        ("rejects", "--file", long_name, "--out", folder.parent / f"{folder.name}.csv"),
        ("withdraw", long_name),
        ("subject", "+46701234567", "--out", folder.parent / f"{folder.name}.theirs.csv"),
        ("publish", folder),
        ("export", folder.parent / f"{folder.name}.lake"),
        ("purge", "--before", "2026-11-23", "--dry-run"),
        ("init", folder.parent / f"{folder.name}.ours"),
    ]
    for arguments in commands:
        done = cdr.process(*arguments, cwd=cdr.inbox)
        assert done.returncode in (0, 1), done.stderr
        assert "…" not in done.stdout
        for line in done.stdout.splitlines():
            assert len(line) <= 100 or len(line.split()) == 1, line
    for name, command in main.commands.items():
        page = cdr.process(name, "--help").stdout
        assert max(map(len, page.splitlines())) <= 100, page
        summary = str(command.help).split("\n\n")[0].split()
        assert " ".join(summary) in " ".join(page.split())


def test_help_has_whole_sentences() -> None:
    page = on_a_terminal([sys.executable, "-m", "loader", "--help"], 80, REPOSITORY)
    assert "..." not in page.partition("Commands:")[2]
    assert max(len(line) for line in page.splitlines()) <= 80
    text = " ".join(page.split())
    for command in main.commands.values():
        assert " ".join((command.help or "").split("\n\n")[0].split()).split(". ")[0].rstrip(".") in text
