"""Whatever the database file is called, every command works: a file's name is no name in SQL."""

import shutil
from pathlib import Path

import duckdb
import pytest
from builders import delivery
from harness import Loader
from warehouse import Warehouse

# No new database is called so; one that is there is used.
SCHEMAS = ("raw_sinch", "reference", "staging", "intermediate", "marts")
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
    file = sorted(cdr.inbox.glob("*app_app*"))[-1]
    if name not in SCHEMAS:
        assert [one["state"] for one in cdr.stage(file)] == ["current"]
    shutil.copyfile(built.database, cdr.database)
    cdr("verify", "-q")
    cdr("withdraw", file.name)
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
        assert (file.name,) not in reader.execute(names).fetchall()
        assert reader.execute("select count(*) from elsewhere.intermediate.int_calls__clear").fetchone()
    cdr("export", tmp_path / "export")
    published = cdr.json("publish", tmp_path / f"published {name}.duckdb")
    assert published["tables"]["fact_calls"]
    cdr("purge", "--before", "2100-01-01", "--yes")
    left = [
        path.name for path in tmp_path.iterdir() if path.suffix in (".wal", ".tmp") or ".work-" in path.name
    ]
    assert not left


@pytest.mark.parametrize("name", ["reference", "Marts", "marts.2026"])
def test_no_new_database_is_called_like_a_schema(cdr: Loader, name: str) -> None:
    cdr.write("sip_2026-11-22.csv", delivery("a"))
    refused = Loader(cdr.database.with_name(f"{name}.duckdb"), cdr.inbox)
    schema = name.partition(".")[0].lower()
    assert refused.error("stage", ".") == (
        f"cdr: a database named {name}.duckdb makes {schema}.… ambiguous in clients, since it holds a schema "
        f"of that name; name it otherwise, for example {cdr.database.with_name('calls.duckdb')}"
    )
    assert "ambiguous" in refused.error("build")
    assert not refused.database.exists()
    cdr("stage", ".")
    assert "ambiguous" in cdr.error("publish", refused.database)
    assert not refused.database.exists()
    # Nobody reads it by its name there.
    plain = cdr.database.with_name("marts")
    plain.mkdir()
    assert "no marts yet" in cdr.error("publish", plain)
