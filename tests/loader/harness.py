"""What the loader's tests share: running `cdr`, its database, and an independent reading of the grammar."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from click.testing import CliRunner, Result

from loader.cli.main import main
from loader.feeds import KINDS

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Loader:
    """`cdr` on one database; relative paths are in the inbox."""

    database: Path
    inbox: Path

    def __call__(self, *arguments: object, code: int = 0) -> Result:
        """Runs a command in process and requires its exit code."""
        result = CliRunner().invoke(main, [*map(str, arguments), *self._database(arguments)])
        assert result.exit_code == code, f"exit code {result.exit_code}: {result.stdout}{result.stderr}"
        assert "Traceback" not in result.stderr
        return result

    def json(self, *arguments: object, code: int = 0) -> dict[str, Any]:
        """Runs a command with --json: one document on stdout, with the exit code in it."""
        result = self(*arguments, "--json", code=code)
        document = json.loads(result.stdout)
        assert isinstance(document, dict)
        assert document["exit_code"] == code
        return document

    def stage(self, *arguments: object, code: int = 0) -> list[dict[str, Any]]:
        """Stages and returns what became of each file."""
        files = self.json("stage", *arguments, code=code)["files"]
        assert isinstance(files, list)
        return files

    def error(self, *arguments: object) -> str:
        """Runs a command that must end with exit code 2 and one line on stderr, and returns the line."""
        result = self(*arguments, code=2)
        assert result.stderr.startswith("cdr: ")
        assert result.stderr.count("\n") == 1
        return result.stderr.rstrip("\n")

    def process(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs a command in a process of its own."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
            **options,
        )

    def command(self, *arguments: object) -> list[str]:
        """The command line for a process of its own."""
        return [sys.executable, "-m", "loader", *map(str, arguments), *self._database(arguments)]

    def _database(self, arguments: Sequence[object]) -> list[str]:
        return [] if arguments[0] == "synth" else ["--database", str(self.database)]

    def write(self, name: str, content: bytes | str) -> Path:
        """Puts a file into the inbox."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        with duckdb.connect(self.database, read_only=True) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def records(self, kind: str = "sip_terminated", columns: str | None = None) -> list[tuple[Any, ...]]:
        """Line and vendor's columns of a raw table's records, by file and line."""
        chosen = columns or ", ".join(f'"{name}"' for name in KINDS[kind])
        return self.query(f"select _line, {chosen} from raw_sinch.{kind} order by _file_id, _line")

    def rejects(self) -> list[tuple[int, str, str]]:
        """Line, reason and text of the rejected records, by file and line."""
        return self.query(
            "select line, reason_code, raw from raw_sinch.rejected_records order by file_id, line"
        )

    def states(self) -> list[tuple[int, str, str]]:
        """Id, name and state of the delivered files."""
        return self.query("select file_id, file_name, state from raw_sinch.files order by file_id")


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


def header(kind: str = "sip_terminated") -> str:
    return ";".join(KINDS[kind])


def record(kind: str = "sip_terminated", call_id: str = "call-1", **values: str) -> str:
    """A plain record; values by vendor's column name."""
    fields = {
        "CallId": call_id,
        "UserSpaceId": "1",
        "CallTime": "2026-11-22T10:00:00Z",
        "Result": "ANSWERED",
        "Reason": "N/A",
        "Duration": "60",
        **values,
    }
    return ";".join(fields.get(name, "") for name in KINDS[kind])


def delivery(*call_ids: str, kind: str = "sip_terminated") -> str:
    """A well-formed file with a record per call."""
    return "".join(line + "\n" for line in [header(kind), *(record(kind, call_id) for call_id in call_ids)])


Outcome = tuple[int, str, tuple[str, ...]]


def reading(text: bytes, width: int, first_line: int = 1) -> list[Outcome]:
    """What the grammar makes of a text: per record its line, "" or a reason, and its values or its raw text.

    Written for clarity, over the whole text at once, to compare the loader with.
    """
    outcomes: list[Outcome] = []
    at, line = 0, first_line
    while at < len(text):
        stop, after = _physical(text, at)
        if stop == at:
            at, line = after, line + 1
            continue
        fields, end, bad_field = _record(text, at)
        if bad_field is not None:
            reason = "unbalanced_quote"
            end, after = _physical(text, bad_field)
        else:
            assert fields is not None
            after = _physical(text, end)[1]
            reason = _fault(fields, width)
        if reason == "":
            assert fields is not None
            outcomes.append((line, "", tuple(field.decode() for field in fields)))
        else:
            if _has_whole_record(text[at:end], width):
                reason = "unbalanced_quote"
                end, after = _physical(text, at)
            raw = text[at:end]
            if not _is_text(raw):
                reason = "undecodable_bytes"
            outcomes.append((line, reason, (raw.decode("utf-8", "backslashreplace"),)))
        line += text[at:after].count(b"\n") or 1
        at = after
    return outcomes


def _physical(text: bytes, at: int) -> tuple[int, int]:
    """Where the line around `at` ends, without and with its line end."""
    feed = text.find(b"\n", at)
    if feed < 0:
        return len(text), len(text)
    return (feed - 1 if feed > at and text[feed - 1 : feed] == b"\r" else feed), feed + 1


def _record(text: bytes, at: int) -> tuple[list[bytes] | None, int, int | None]:
    """Fields and end of the record at a position, or the position of its first unbalanced field."""
    fields = []
    while True:
        start = at
        if text[at : at + 1] == b'"':
            at += 1
            while True:
                at = text.find(b'"', at)
                if at < 0:
                    return None, 0, start
                if text[at + 1 : at + 2] != b'"':
                    break
                at += 2
            fields.append(text[start + 1 : at].replace(b'""', b'"'))
            at += 1
            rest = text[at : at + 2]
            if rest[:1] not in (b"", b";", b"\n") and rest != b"\r\n":
                return None, 0, start
        else:
            stop = _physical(text, at)[0]
            delimiter = text.find(b";", at, stop)
            at = stop if delimiter < 0 else delimiter
            fields.append(text[start:at])
        if text[at : at + 1] != b";":
            return fields, at, None
        at += 1


def _fault(fields: list[bytes], width: int) -> str:
    if any(b"\0" in field for field in fields):
        return "nul_byte"
    if not _is_text(b"".join(fields)):
        return "undecodable_bytes"
    if len(fields) == width:
        return ""
    return "too_few_fields" if len(fields) < width else "too_many_fields"


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_whole_record(joined: bytes, width: int) -> bool:
    """Whether a line after the first is a record of full width by itself, without quotes that are part of a
    value.
    """
    at = _physical(joined, 0)[1]
    while at < len(joined):
        stop, after = _physical(joined, at)
        line = joined[at:stop]
        fields, _, bad_field = _record(line, 0)
        unquoted = re.sub(rb'(^|;)"(?:[^"]|"")*"(?=;|$)', rb"\1", line)
        if (
            line
            and bad_field is None
            and fields is not None
            and len(fields) == width
            and b'"' not in unquoted
        ):
            return True
        at = after
    return False
