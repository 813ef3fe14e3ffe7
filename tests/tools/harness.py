"""The driver: runs `cdr` and looks into its database."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import schemas
from click.testing import CliRunner, Result

from loader.cli.main import main
from loader.feeds import KINDS

REPOSITORY = Path(__file__).resolve().parents[2]
# What fills a folder that all test processes share.
Once = Callable[[str, Callable[[Path], object]], Path]


@dataclass
class Loader:
    """`cdr` on one database; relative paths are in the inbox."""

    database: Path
    inbox: Path

    def __call__(self, *arguments: object, code: int = 0) -> Result:
        """Run a command in process and require its exit code."""
        result = CliRunner().invoke(main, [*map(str, arguments), *self._database(arguments)])
        assert result.exit_code == code, f"exit code {result.exit_code}: {result.stdout}{result.stderr}"
        assert "Traceback" not in result.stderr
        return result

    def json(self, *arguments: object, code: int = 0) -> dict[str, Any]:
        """Run a command with --json; require one document on stdout that its schema allows."""
        result = self(*arguments, "--json", code=code)
        document = json.loads(result.stdout)
        assert isinstance(document, dict)
        assert document["exit_code"] == code
        if arguments[0] in main.commands:
            schemas.check(str(arguments[0]), document)
        return document

    def stage(self, *arguments: object, code: int = 0) -> list[dict[str, Any]]:
        """Stage, and return the outcome of each file."""
        files = self.json("stage", *arguments, code=code)["files"]
        assert isinstance(files, list)
        return files

    def error(self, *arguments: object) -> str:
        """Run a command that must end with exit code 2 and one line on stderr, and return the line."""
        result = self(*arguments, code=2)
        assert result.stderr.startswith("cdr: ")
        assert result.stderr.count("\n") == 1
        return result.stderr.rstrip("\n")

    def process(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in a process of its own."""
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
        return [] if arguments[0] in ("synth", "init") else ["--database", str(self.database)]

    def write(self, name: str, content: bytes | str) -> Path:
        """Put a file into the inbox."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        with duckdb.connect(self.database, read_only=True) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def execute(self, sql: str) -> None:
        """Change the database without the loader."""
        with duckdb.connect(self.database) as connection:
            connection.execute(sql)

    def tables(self) -> dict[str, int]:
        """Return the number of rows of every table."""
        names = self.query(
            "select schema_name || '.' || table_name from duckdb_tables() order by schema_name, table_name"
        )
        return {name: self.query(f"select count(*) from {name}")[0][0] for (name,) in names}

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
    """The environment of a process that a test starts: `cdr` is on PATH, dbt_shared_parses.py on dbt's."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'tests' / 'tools'}",
    }


class holding:
    """Another process that has the database open."""

    def __init__(self, database: Path, seconds: float = 60) -> None:
        self.script = textwrap.dedent(f"""
            import duckdb, time
            connection = duckdb.connect({str(database)!r})
            print("open", flush=True)
            time.sleep({seconds})
        """)

    def __enter__(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.script], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "open\n"
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
