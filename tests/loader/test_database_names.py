"""Whatever the database file is called, every command works: a file's name is no name in SQL."""

import shutil
from pathlib import Path

import duckdb
import pytest
from harness import Loader
from warehouse import Warehouse

# Names that DuckDB keeps for itself, of schemas and of SQL; characters that mean something in SQL or a path.
NAMES = [
    *("main", "temp", "system", "memory", "raw_sinch", "staging", "marts", "select", "1", "x.y"),
    *("it's", "a b", 'so "ünï"'),
]
# The schema of every raw table, and a quote in every statement: with `cdr build`, which starts dbt itself.
HARDEST = ("raw_sinch", "it's")
FEW = ("stg_sinch__files", "mart_feed_reconciliation")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The project parsed once, whatever the database is called."""
    folder = tmp_path_factory.mktemp("project")
    return Warehouse(Loader(folder / "cdr.duckdb", folder), folder / "target")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_works_whatever_the_database_is_called(
    built: Loader, project: Warehouse, tmp_path: Path, name: str
) -> None:
    cdr = Loader(tmp_path / f"{name}.duckdb", built.inbox)
    delivery = sorted(cdr.inbox.glob("*app_app*"))[-1]
    assert [file["state"] for file in cdr.stage(delivery)] == ["current"]

    shutil.copyfile(built.database, cdr.database)
    cdr("verify", "-q")
    cdr("withdraw", delivery.name)
    if name in HARDEST:
        cdr("build", "-q", "--select", *FEW)
        cdr("report", tmp_path / "report.html", "-q")
        cdr("compact")
        assert cdr.json("status")["blocks"]["free"] == 0
    else:
        project.loader = cdr
        project.dbt("run", "--select", *FEW)
    # What was built is in this file, and its views name nothing outside it.
    with duckdb.connect() as reader:
        reader.execute(f"attach '{str(cdr.database).replace(chr(39), 2 * chr(39))}' as elsewhere (read_only)")
        names = "select file_name from elsewhere.marts.mart_feed_reconciliation"
        assert (delivery.name,) not in reader.execute(names).fetchall()
        assert reader.execute("select count(*) from elsewhere.intermediate.int_calls__clear").fetchone()
    cdr("export", tmp_path / "export")
    published = cdr.json("publish", tmp_path / f"{name}.published.duckdb")
    assert published["tables"]["fact_calls"]
    cdr("purge", "--before", "2100-01-01", "--yes")
    left = [
        path.name for path in tmp_path.iterdir() if path.suffix in (".wal", ".tmp") or ".work-" in path.name
    ]
    assert not left
