"""A command that is killed or terminated leaves nothing for long: after one more command of any kind no
file of ours is there, and no clear value beside a masked publication.
"""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from builders import delivery
from harness import Loader, environment

from loader.database.workspace import working

# What is waited for before the first kill of a kind, below the folder of the database.
_AT_WORK = ".cdr.duckdb.work-*/lock"


@dataclass(frozen=True)
class Kind:
    """A command that is killed: once when a file is there, and within so many seconds of its start."""

    arguments: tuple[str, ...]
    moment: str = _AT_WORK
    seconds: float = 6


KINDS = {
    "stage": Kind(("stage", "new")),
    "dry run": Kind(("stage", "new", "--dry-run")),
    "build": Kind(("build", "-s", "mart_cost_daily"), "spill/.cdr-*", 25),
    "run": Kind(("run", "new"), seconds=30),
    "publish": Kind(("publish", "out/calls.duckdb"), "out/.cdr-*", 8),
    "masked": Kind(
        ("publish", "out/calls.duckdb", "--pii-mode", "masked"), ".cdr.duckdb.work-*/copy/cdr.duckdb", 40
    ),
    "masked, building": Kind(("publish", "out/calls.duckdb", "--pii-mode", "masked"), "spill/.cdr-*", 40),
    "purge": Kind(("purge", "--before", "2026-11-22", "--yes")),
    "compact": Kind(("compact",)),
    "subject": Kind(("subject", "SOMEBODY", "--out", "out/calls.csv")),
    "erase": Kind(("subject", "SOMEBODY", "--erase", "--yes")),
    "report": Kind(("report", "out/calls.html")),
    "export": Kind(("export", "lake")),
}
NEXT = (("files",), ("status",), ("verify",), ("stage", "new", "--dry-run"), ("rejects",), ("withdraw", "1"))


def ready(copy: Loader) -> Path:
    """The database's folder, with something new to stage and places to write to."""
    folder = copy.database.parent
    for name in ("new", "out", "spill"):
        (folder / name).mkdir()
    # In an encoding that has to be unpacked.
    new = folder / "new" / "late_sip_2026-11-22.csv"
    new.write_bytes(delivery(*(f"late-{at}" for at in range(60_000))).encode("utf-16"))
    return folder


def start(copy: Loader, kind: Kind) -> subprocess.Popen[bytes]:
    folder = copy.database.parent
    ((somebody,),) = copy.query("select min(user_id) from marts.fact_calls")
    arguments = [somebody if argument == "SOMEBODY" else argument for argument in kind.arguments]
    return subprocess.Popen(
        copy.command(*arguments, "-q"),
        cwd=folder,
        env=environment()
        | {
            "CDR_TEMP_DIRECTORY": str(folder / "spill"),
            "DBT_TARGET_PATH": str(folder / "t"),
            "DBT_WRITE_JSON": "true",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for(process: "subprocess.Popen[bytes]", folder: Path, moment: str) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and not any(folder.glob(moment)):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def left(folder: Path) -> list[str]:
    """What is there that nobody asked for."""
    asked = {"cdr.duckdb", "cdr.duckdb.wal", "new", "out", "spill", "lake", "t"}
    inside = [path for name in ("out", "spill") for path in (folder / name).iterdir()]
    surplus = [path for path in folder.iterdir() if path.name not in asked]
    return [str(path) for path in [*surplus, *inside] if path.stem != "calls"]


def clear_values_in(folder: Path, copy: Loader) -> list[str]:
    values = copy.query("select distinct caller_e164 from marts.fact_calls where caller_e164 is not null")
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return [value for (value,) in values if value.encode() in content]


@pytest.mark.parametrize("name", KINDS)
def test_a_kill_leaves_nothing_for_long(copy: Loader, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, kind = ready(copy), KINDS[name]
    monkeypatch.chdir(folder)
    process = start(copy, kind)
    wait_for(process, folder, kind.moment)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert left(folder) != []
    copy(*NEXT[list(KINDS).index(name) % len(NEXT)], "-q")
    assert left(folder) == []
    if name.startswith("masked"):
        assert clear_values_in(folder / "out", copy) == []
        assert clear_values_in(folder, copy) != []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("name", ["stage", "masked"])
def test_a_command_that_is_terminated_cleans_up(copy: Loader, name: str, number: signal.Signals) -> None:
    folder, kind = ready(copy), KINDS[name]
    process = start(copy, kind)
    wait_for(process, folder, kind.moment)
    process.send_signal(number)
    assert process.wait(60) == 130
    assert left(folder) == []


def test_a_query_under_way_is_ended_by_a_signal() -> None:
    """Python by itself would wait for its end."""
    script = (
        "import os, signal, threading; from loader.cli.signals import ending_well\n"
        "from loader.engine import engine\n"
        "connection = engine()\n"
        "with ending_well():\n"
        "  threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start()\n"
        "  numbers = 'range(10000000)'\n"
        "  connection.execute(f'select count(*) from {numbers} a, {numbers} b where a.range < -b.range')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=environment(), stderr=subprocess.PIPE, text=True
    )
    assert "KeyboardInterrupt" in process.communicate(timeout=60)[1]


def test_a_command_that_works_keeps_its_files(copy: Loader) -> None:
    with working(copy.database) as workspace, workspace.beside(copy.database.parent / "out") as beside:
        copy("files", "-q")
        copy("withdraw", "1", "-q")
        assert workspace.folder.exists()
        assert beside.exists()
    assert not beside.exists()
    assert not workspace.folder.exists()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(50))
def test_fifty_kills_at_random(copy: Loader, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    name = list(KINDS)[seed % len(KINDS)]
    folder, kind = ready(copy), KINDS[name]
    monkeypatch.chdir(folder)
    process = start(copy, kind)
    time.sleep(chance.uniform(0, kind.seconds))
    os.killpg(process.pid, chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP]))
    process.wait()
    # 1: the purge is unfinished, or tables are behind.
    assert copy.process(*chance.choice(NEXT), "-q").returncode in (0, 1)
    assert left(folder) == []
    if name.startswith("masked"):
        assert clear_values_in(folder / "out", copy) == []
