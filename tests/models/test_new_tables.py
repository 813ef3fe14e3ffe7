"""A model's table is created empty, and filled in the same transaction."""

from pathlib import Path

import duckdb
from harness import Loader
from warehouse import Warehouse

ROWS = "select range as number, date '2026-11-20' + cast(range % 3 as integer) as day from range(200000)"


def test_a_first_build_finds_what_it_inserted(tmp_path: Path) -> None:
    """More rows than a row group of DuckDB holds, found by a condition while the process lasts."""
    loader = Loader(tmp_path / "new.duckdb", tmp_path)
    create = f"{{{{ sinch_cdr.create_empty_table('made', \"{ROWS}\") }}}}"
    result = Warehouse(loader, tmp_path / "target").dbt("compile", "--inline", create)
    with duckdb.connect() as connection:
        # In order, as DuckDB inserts what it reads from a table.
        connection.execute(f"create table read as {ROWS}")
        connection.begin()
        connection.execute(result.results[0].node.compiled_code)
        connection.execute("insert into made by name from read")
        found = connection.execute("select count(*) from made where day = date '2026-11-22'").fetchall()
    assert found == [(66_666,)]
