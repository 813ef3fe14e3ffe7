"""What the tests of the dbt project share: running dbt in process on one database, and reading its tables."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dbt_internals
import duckdb
from harness import REPOSITORY, Loader

Tables = dict[str, list[tuple[Any, ...]]]


@dataclass
class Warehouse:
    """The dbt project on one database. Parsed once and kept, so that a run costs what its models cost.

    `edit` changes the parsed project before each run, as an edit of its files would; `prune` changes it once,
    after it is parsed: what is not needed then costs nothing in each run.
    """

    loader: Loader
    target_path: Path
    edit: Callable[[Any], None] | None = None
    prune: Callable[[Any], None] | None = None
    # Receive dbt's events.
    callbacks: tuple[Callable[[Any], None], ...] = ()
    _manifests: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def dbt(self, command: str, *arguments: str, parse_arguments: tuple[str, ...] = ()) -> Any:
        """Run a dbt command and return its results; require success."""
        outcome = self.try_dbt(command, *arguments, parse_arguments=parse_arguments)
        failed = [f"{r.node.name}: {r.message}" for r in getattr(outcome.result, "results", []) if r.failures]
        assert outcome.success, f"{outcome.exception} {failed}"
        return outcome.result

    def try_dbt(self, command: str, *arguments: str, parse_arguments: tuple[str, ...] = ()) -> Any:
        """Run a dbt command; `parse_arguments` are those that change the project, such as --vars."""
        manifest = self.parsed(parse_arguments)
        with self.environment():
            return dbt_internals.run(
                [command, *self._common(parse_arguments), *arguments], manifest, self.edit, self.callbacks
            )

    def parsed(self, parse_arguments: tuple[str, ...] = ()) -> Any:
        """The parsed project; not to be changed."""
        if parse_arguments not in self._manifests:
            with self.environment():
                parsed = dbt_internals.parse(self._common(parse_arguments))
            if self.prune:
                self.prune(parsed)
            self._manifests[parse_arguments] = parsed
        return self._manifests[parse_arguments]

    def _common(self, parse_arguments: tuple[str, ...]) -> list[str]:
        return [
            *("--project-dir", str(REPOSITORY), "--profiles-dir", str(REPOSITORY / "profiles")),
            *("--target-path", str(self.target_path), "--log-path", str(self.target_path / "logs")),
            # Nobody reads these files, and writing them takes a third of a small run.
            *("--no-write-json", "--log-level-file", "none"),
            *parse_arguments,
        ]

    @contextmanager
    def environment(self) -> Iterator[None]:
        """The environment of dbt, put back afterwards."""
        before = dict(os.environ)
        os.environ |= {"CDR_DATABASE": str(self.loader.database), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        try:
            yield
        finally:
            os.environ.clear()
            os.environ |= before

    def tables(self, *schemas: str) -> Tables:
        """Every table and view of the schemas, its rows in order."""
        with duckdb.connect(self.loader.database, read_only=True) as connection:
            names = connection.execute(
                "select table_schema || '.' || table_name from information_schema.tables"
                " where list_contains(?, table_schema) order by 1",
                [list(schemas)],
            ).fetchall()
            return {
                name: connection.execute(f"select * from {name} order by all").fetchall() for (name,) in names
            }

    def tables_of_full_refresh(self, *schemas: str, parse_arguments: tuple[str, ...] = ()) -> Tables:
        """The tables as a full refresh of the same raw records makes them; the database is left as it was."""
        kept = self.loader.database.with_suffix(".kept")
        shutil.copyfile(self.loader.database, kept)
        try:
            self.dbt("run", "--full-refresh", parse_arguments=parse_arguments)
            return self.tables(*schemas)
        finally:
            shutil.copyfile(kept, self.loader.database)
            kept.unlink()


def assert_equal(found: Tables, expected: Tables) -> None:
    """Require the same tables with the same rows; name the first table that differs, and rows."""
    assert found.keys() == expected.keys()
    for name, rows in found.items():
        if rows != expected[name]:
            missing = [row for row in expected[name] if row not in rows][:3]
            surplus = [row for row in rows if row not in expected[name]][:3]
            raise AssertionError(f"{name}: missing {missing}, surplus {surplus}, {len(rows)} rows")
