"""What is newer than the tables: files staged, withdrawn or erased since they were built."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.database.schema import has_table
from loader.database.sql import literal
from loader.errors import CdrError

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Behind:
    """Ids of the files, and days, that tables must be recomputed for."""

    files: frozenset[int] = frozenset()
    days: frozenset[str] = frozenset()


def behind(connection: "duckdb.DuckDBPyConnection") -> Behind:
    """Compare the units that incremental models contain with those that their inputs have now."""
    import duckdb

    current = connection.execute("select file_id from raw_sinch.files where state = 'current'").fetchall()
    all_files = Behind(frozenset(file_id for (file_id,) in current))
    if not has_table(connection, "marts", "fact_calls"):
        return all_files
    files: set[int] = set()
    days: set[str] = set()
    for model, _, _, query in kept_queries(connection):
        differing = f"""
            select distinct unit, try_cast(split_part(unit, '|', 1) as bigint) as file_id
            from ({query}) as due
            full join (select distinct unit, version from ({logged(model)})) as own using (unit)
            where due.version is distinct from own.version
        """
        check_is_query(differing)
        try:
            units = connection.execute(differing).fetchall()
        except duckdb.Error:
            # What it reads was dropped, or is of another version.
            return all_files
        files |= {file_id for _, file_id in units if file_id is not None}
        days |= {unit for unit, file_id in units if file_id is None}
    return Behind(frozenset(files), frozenset(days))


def kept_queries(connection: "duckdb.DuckDBPyConnection") -> list[tuple[str, str, str, str]]:
    """Each incremental model's name, table, expression of a row's unit, and query of the versions that its
    units have now; empty before the first build.
    """
    if not all(has_table(connection, "intermediate", name) for name in ("build_queries", "build_log")):
        return []
    queries = connection.execute(
        "select model, relation, unit, query from intermediate.build_queries order by 1"
    ).fetchall()
    kept = [row for row in queries if has_table(connection, *row[1].replace('"', "").split("."))]
    for *_, query in kept:
        check_is_query(query)
    return kept


def check_is_query(text: str) -> None:
    """Raise CdrError for a kept text that is anything but one SELECT."""
    import duckdb

    try:
        types = [statement.type for statement in duckdb.extract_statements(text)]
    except duckdb.Error:
        types = []
    if types != [duckdb.StatementType.SELECT]:
        raise CdrError(
            "intermediate.build_queries contains a text that is not a query and that no build wrote; "
            "use a database of your own, or drop that table and run `cdr build`"
        )


def logged(model: str) -> str:
    """A query of the units that a model's table contains."""
    return f"select * from intermediate.build_log where model = {literal(model)} and done and unit <> 'all'"
