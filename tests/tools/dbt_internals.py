"""Every place where the tests' tools lean on dbt's inside; loader/builds/dbt_internals.py has the loader's.

Checked with dbt-core 1.11.16 and 1.12.6 and dbt-duckdb 1.11.1 by tests/loader/test_dbt_internals.py.
"""

import os
import re
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from typing import Any

from loader.builds.dbt_internals import close_connections

# The environment variable that names the folder where test processes share what dbt has parsed.
SHARED_PARSES = "CDR_TESTS_SHARED_PARSES"


def parse_once() -> None:
    """Let dbt parse the project once for each set of variables, whatever database and target folder, in all
    test processes: no model depends on these, and a parse takes up to ten seconds. dbt itself checks that
    what it reads fits the project's files.
    """
    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.parser.manifest import ManifestLoader

    # Where it is called otherwise, a parse would serve one database, without a word.
    assert "_connection_keys" in vars(DuckDBCredentials)
    DuckDBCredentials._connection_keys = lambda _: ("database", "schema")  # type: ignore[method-assign]
    if SHARED_PARSES not in os.environ:
        return
    read = ManifestLoader.read_manifest_for_partial_parse
    write = ManifestLoader.write_manifest_for_partial_parse

    def paths(loader: ManifestLoader) -> tuple[Path, Path]:
        project, state = loader.root_project, loader.manifest.state_check
        key = f"{project.project_root} {state.vars_hash} {state.profile_hash} {state.project_hashes}"
        shared = Path(os.environ[SHARED_PARSES]) / sha256(key.encode()).hexdigest()
        return shared, Path(project.project_root, project.project_target_path, "partial_parse.msgpack")

    def reading(loader: ManifestLoader) -> Any:
        shared, own = paths(loader)
        if shared.exists():
            replace_file(shared, own)
        return read(loader)

    def writing(loader: ManifestLoader) -> None:
        write(loader)
        shared, own = paths(loader)
        replace_file(own, shared)

    ManifestLoader.read_manifest_for_partial_parse = reading  # type: ignore[method-assign]
    ManifestLoader.write_manifest_for_partial_parse = writing  # type: ignore[method-assign]


def compile_once() -> None:
    """Let dbt compile each template once in a process, not once in each command: a twelfth of a build."""
    from dbt_common.clients.jinja import MacroFuzzEnvironment

    by_jinja = MacroFuzzEnvironment.compile
    compiled: dict[tuple[type, str], Any] = {}

    def compiling(environment: Any, source: Any, *arguments: Any, **options: Any) -> Any:
        if not isinstance(source, str) or arguments or options:
            return by_jinja(environment, source, *arguments, **options)
        key = type(environment), source
        if key not in compiled:
            compiled[key] = by_jinja(environment, source)
        return compiled[key]

    MacroFuzzEnvironment.compile = compiling  # type: ignore[method-assign]


def inject_quickly() -> None:
    """Let dbt put the rows of a unit test before a query that begins with WITH without parsing it, which
    takes a quarter of a unit test.
    """
    from dbt import compilation

    by_dbt = compilation.inject_ctes_into_sql
    beginning = re.compile(r"(?:\s|--[^\n]*\n)*with\s+(?!recursive\b)", re.IGNORECASE)

    def inject(sql: str, ctes: list[Any]) -> str:
        found = beginning.match(sql)
        if not found or not ctes:
            return by_dbt(sql, ctes)
        return f"{found[0]}{', '.join(cte.sql for cte in ctes)}, {sql[found.end() :]}"

    compilation.inject_ctes_into_sql = inject


def replace_file(source: Path, target: Path) -> None:
    """Copy a file in one step, so that no process reads a half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.{get_ident()}")
    shutil.copyfile(source, unfinished)
    unfinished.replace(target)


def parse(arguments: list[str]) -> Any:
    """The parsed project. dbt cannot copy its selectors and saved queries, and no run here uses one."""
    from dbt.cli.main import dbtRunner

    parsed = dbtRunner().invoke(["--quiet", "parse", *arguments])
    assert parsed.success, parsed.exception
    parsed.result.selectors = {}
    parsed.result.saved_queries = {}
    return parsed.result


def run(
    arguments: list[str],
    parsed: Any = None,
    edit: Callable[[Any], None] | None = None,
    callbacks: tuple[Callable[[Any], None], ...] = (),
) -> Any:
    """Run a dbt command, on a copy of a parsed project where one is given: dbt writes compiled code into it,
    which the next run would use. Release the database afterwards.
    """
    from dbt.cli.main import dbtRunner

    manifest = parsed.deepcopy() if parsed else None
    if manifest and edit:
        edit(manifest)
    try:
        return dbtRunner(manifest=manifest, callbacks=[*callbacks]).invoke(["--quiet", *arguments])
    finally:
        close_connections()
