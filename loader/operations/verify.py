"""The conservation laws: what was delivered is in the tables or accounted for, checked on the database."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from loader.builds.behind import check_is_query, kept_queries, logged
from loader.database.manifest import PURGED
from loader.database.schema import has_table
from loader.database.sql import one_row
from loader.database.workspace import find_leftovers
from loader.feeds import KINDS

if TYPE_CHECKING:
    import duckdb


Value = int | float | Decimal | None


@dataclass(frozen=True)
class Law:
    """One law with both its sides. `ok` is None where a table it needs is not built yet."""

    law: str
    left: Value
    right: Value
    ok: bool | None
    detail: str = ""


# Laws of every single file by the manifest alone: the law, its left side, its right side.
_MANIFEST_LAWS = (
    ("per file: records = staged + rejected", "records", "staged + rejected"),
    ("per file: bytes of the content = bytes accounted for", "content_bytes", "accounted_bytes"),
    ("per file: lines of the content = lines accounted for", "content_lines", "accounted_lines"),
)

_CALLER = "sum(bids) filter (role = 'caller')"
_CALLEE = "sum(bids) filter (role = 'callee')"
_SCOPES = ("call_type", "application", "account")
# What adds up to calls: the law's end, the mart or its newest column, the sum, and which calls of fact_calls.
_BIDS = (
    ("fact_calls = bids of mart_quality_daily", "mart_quality_daily", "sum(bids)", "true"),
    ("fact_calls = calls of mart_failure_reasons_daily", "mart_failure_reasons_daily", "sum(calls)", "true"),
    *(
        (
            f"fact_calls = bids of mart_traffic_hourly, scope {scope}",
            *("mart_traffic_hourly.scope", f"sum(bids) filter (scope = '{scope}')", "true"),
        )
        for scope in _SCOPES
    ),
    ("fact_calls = bids of callers in mart_user_daily", "mart_user_daily", _CALLER, "true"),
    (
        "app_app calls = bids of callees in mart_user_daily",
        *("mart_user_daily", _CALLEE, "call_type = 'app_app'"),
    ),
    (
        "SIP calls = bids of callers in mart_endpoint_daily",
        *("mart_endpoint_daily", _CALLER, "call_type = 'sip_terminated'"),
    ),
    (
        "SIP calls = bids of callees in mart_endpoint_daily",
        *("mart_endpoint_daily", _CALLEE, "call_type = 'sip_terminated'"),
    ),
)

_COST_MARTS = ("mart_cost_daily", "mart_cost_monthly", "mart_user_spend_daily")

_FLOAT_TOLERANCE = 1e-9


def check_laws(connection: "duckdb.DuckDBPyConnection", removed: Sequence[Path] = ()) -> list[Law]:
    """Every law of the project, in order. `removed`: what killed commands left and this one removed."""
    return [
        *_manifest_laws(connection),
        *_stored_laws(connection),
        _reconciliation_law(connection),
        *_amount_laws(connection),
        *_call_laws(connection),
        *_seconds_laws(connection),
        *_custom_laws(connection),
        _history_law(connection),
        *_erasure_laws(connection, removed),
        *increment_laws(connection),
    ]


def _manifest_laws(connection: "duckdb.DuckDBPyConnection") -> Iterator[Law]:
    for law, left, right in _MANIFEST_LAWS:
        yield _per_file(connection, law, f"select file_id, {left} as a, {right} as b from raw_sinch.files")


def _stored_laws(connection: "duckdb.DuckDBPyConnection") -> Iterator[Law]:
    raw = " union all ".join(f"select _file_id as file_id from raw_sinch.{kind}" for kind in KINDS)
    stored = (
        ("per file: staged = records in the raw tables", "staged", raw),
        (
            "per file: rejected = rows of rejected_records",
            "rejected",
            "select file_id from raw_sinch.rejected_records",
        ),
    )
    for law, column, rows in stored:
        # Rows without a file count too: nobody delivered them.
        yield _per_file(
            connection,
            law,
            f"""
            select file_id, coalesce(files.{column}, 0) as a, coalesce(found.number, 0) as b
            from (
                select file_id, {column} from raw_sinch.files
                where not (state = 'withdrawn' and starts_with(message, '{PURGED}'))
            ) as files
            full join (
                select file_id, count(*) as number from ({rows}) group by file_id
            ) as found using (file_id)
            """,
        )


def _per_file(connection: "duckdb.DuckDBPyConnection", law: str, query: str, remedy: str = "") -> Law:
    """A law of every file: the sides are sums over the files, `detail` names the files that break it."""
    left, right, broken = one_row(
        connection,
        f"""
        select coalesce(sum(a), 0)::bigint, coalesce(sum(b), 0)::bigint,
            list(file_id order by file_id) filter (a is distinct from b)
        from ({query})
        """,
    )
    if not broken:
        return Law(law, left, right, True)
    more = ", ..." if len(broken) > 10 else ""
    return Law(law, left, right, False, f"not so for file {', '.join(map(str, broken[:10]))}{more}{remedy}")


def _reconciliation_law(connection: "duckdb.DuckDBPyConnection") -> Law:
    law = "per current file: staged = in fact_calls + exact duplicates + conflicts + unusable"
    if missing := _missing(connection, "fact_calls", "mart_feed_reconciliation"):
        return _not_built(law, missing)
    return _per_file(
        connection,
        law,
        """
        select
            file_id,
            coalesce(files.staged, 0) as a,
            coalesce(facts.calls, 0)
                + coalesce(mart.exact_duplicates + mart.conflicts + mart.unusable, 0) as b
        from (select file_id, staged from raw_sinch.files where state = 'current') as files
        full join (
            select file_id, count(*) as calls from marts.fact_calls group by file_id
        ) as facts using (file_id)
        left join marts.mart_feed_reconciliation as mart using (file_id)
        """,
        "; run `cdr build`",
    )


def _amount_laws(connection: "duckdb.DuckDBPyConnection") -> Iterator[Law]:
    for mart in _COST_MARTS:
        law = f"sum(amount): fact_calls = {mart}"
        if missing := _missing(connection, "fact_calls", mart):
            yield _not_built(law, missing)
            continue
        rows = connection.execute(
            f"""
            select coalesce(a.currency, b.currency, 'none'), coalesce(a.amount, 0), coalesce(b.amount, 0)
            from (select currency, sum(amount) as amount from marts.fact_calls group by currency) as a
            full join (select currency, sum(amount) as amount from marts.{mart} group by currency) as b
                on a.currency is not distinct from b.currency
            order by 1
            """
        ).fetchall()
        for currency, left, right in rows:
            yield Law(f"{law}, currency {currency}", left, right, left == right)
        if not rows:
            yield Law(law, 0, 0, True)


def _call_laws(connection: "duckdb.DuckDBPyConnection") -> Iterator[Law]:
    for end, needed, bids, which in _BIDS:
        law = f"calls: {end}"
        if missing := _missing(connection, "fact_calls", needed):
            yield _not_built(law, missing)
            continue
        left, right = one_row(
            connection,
            f"select (select count(*) from marts.fact_calls where {which}), "
            f"(select coalesce({bids}, 0)::bigint from marts.{needed.partition('.')[0]})",
        )
        yield Law(law, left, right, left == right)


def _seconds_laws(connection: "duckdb.DuckDBPyConnection") -> Iterator[Law]:
    for scope in _SCOPES:
        law = (
            "seconds: duration_seconds of answered calls"
            f" = erlangs of mart_traffic_hourly * 3600, scope {scope}, + seconds beyond longest_call_seconds"
        )
        if missing := _missing(connection, "fact_calls", "mart_traffic_hourly.scope"):
            yield _not_built(law, missing)
            continue
        if not has_table(connection, "intermediate", "int_traffic__intervals"):
            yield _not_built(law, "int_traffic__intervals")
            continue
        left, right = one_row(
            connection,
            "select (select coalesce(sum(duration_seconds), 0)::bigint "
            "from marts.fact_calls where is_answered), "
            "(select round(coalesce(sum(erlangs), 0) * 3600, 3)::double from marts.mart_traffic_hourly "
            "where scope = $scope) "
            "+ (select coalesce(sum(cut_seconds), 0)::bigint from intermediate.int_traffic__intervals)",
            {"scope": scope},
        )
        yield Law(law, left, right, math.isclose(left, right, rel_tol=_FLOAT_TOLERANCE, abs_tol=1e-3))


def _custom_laws(connection: "duckdb.DuckDBPyConnection") -> Iterator[Law]:
    """Whether every key of the variable custom_keys has every call. Without keys nothing adds up."""
    for mart, total in (
        ("mart_cost_by_custom", "calls"),
        ("mart_cost_by_custom", "amount"),
        ("mart_quality_by_custom", "bids"),
    ):
        law = f"each key: {total} of {mart} = fact_calls"
        if missing := _missing(connection, "fact_calls", mart):
            yield _not_built(law, missing)
            continue
        currency, of_calls = ("currency", "sum(amount)") if total == "amount" else ("null", "count(*)")
        yield _per_unit(
            connection,
            law,
            f"""
            select 1 as a,
                concat_ws(' ', coalesce(calls.key, found.key), coalesce(calls.currency, found.currency))
                    as unit,
                (calls.total is not distinct from found.total)::int as b
            from (
                select key, currency, {of_calls} as total
                from (select {currency} as currency, amount from marts.fact_calls) as calls
                cross join (select distinct key from marts.{mart}) as keys
                group by all
            ) as calls
            full join (
                select key, {currency} as currency, sum({total}) as total from marts.{mart} group by all
            ) as found
                on calls.key = found.key and calls.currency is not distinct from found.currency
            """,
            "not so for",
            "run `cdr build`",
        )


def _history_law(connection: "duckdb.DuckDBPyConnection") -> Law:
    """Whether the changes of every day add up to its calls."""
    law = "per UTC day: calls reported in day_history = fact_calls"
    if missing := _missing(connection, "fact_calls", "mart_restatements"):
        return _not_built(law, missing)
    return _per_unit(
        connection,
        law,
        """
        select coalesce(calls.day, history.day)::text as unit,
            coalesce(calls.number, 0) as a, coalesce(history.number, 0) as b
        from (select call_date as day, count(*) as number from marts.fact_calls group by all) as calls
        full join (
            select day, sum(calls) as number from intermediate.int_day_history group by all
            having sum(calls) <> 0
        ) as history
            using (day)
        """,
        "not so for",
        "run `cdr build`",
    )


def _erasure_laws(connection: "duckdb.DuckDBPyConnection", removed: Sequence[Path]) -> Iterator[Law]:
    unfinished = int(has_table(connection, "raw_sinch", "unfinished_purge"))
    yield Law(
        "purges that deleted but did not erase from the file = 0",
        unfinished,
        0,
        not unfinished,
        "run `cdr purge` with the same date, or `cdr subject --erase`, again" if unfinished else "",
    )
    (path,) = one_row(
        connection, "select path from duckdb_databases() where database_name = current_database()"
    )
    left = find_leftovers(Path(path))
    detail = [f"removed: {', '.join(folder.name for folder in removed)}"] if removed else []
    if left:
        detail.append(f"{', '.join(map(str, left))}; any command that writes removes what nobody uses")
    yield Law(
        "files that a killed command left beside the database = 0",
        len(left),
        0,
        not left,
        "; ".join(detail),
    )


def increment_laws(connection: "duckdb.DuckDBPyConnection") -> Iterator[Law]:
    """Whether incremental models are up to date with their inputs, and contain what they logged.

    Builds keep each model's query of the versions of its units, and the expression of a row's unit.
    """
    for model, relation, unit, query in kept_queries(connection):
        yield _per_unit(
            connection,
            f"per unit: {model} follows what it reads",
            f"""
            select unit, (due.version is not null)::int as a,
                (due.version is not distinct from own.version or due.version is null)::int as b
            from ({query}) as due
            full join (select distinct unit, version from ({logged(model)})) as own using (unit)
            """,
            "behind for",
            "run `cdr build`",
        )
        if unit:
            yield _per_unit(
                connection,
                f"per unit: records of {model} = records logged",
                f"""
                select unit, coalesce(logged.number, 0) as a, coalesce(found.number, 0) as b
                from (select unit, sum(records) as number from ({logged(model)}) group by unit) as logged
                full join (
                    select {unit} as unit, count(*) as number from {relation} group by all
                ) as found using (unit)
                """,
                "changed other than by a build for",
                f"run `cdr build --full-refresh -s {model}`",
            )


def _per_unit(connection: "duckdb.DuckDBPyConnection", law: str, query: str, what: str, remedy: str) -> Law:
    """A law of every unit (day or file) of a model: `detail` names the units that break it."""
    # The database contributes parts of the query.
    check_is_query(query)
    left, right, broken = one_row(
        connection,
        f"""
        select coalesce(sum(a), 0)::bigint, coalesce(sum(b), 0)::bigint,
            list(unit order by unit) filter (a is distinct from b)
        from ({query})
        """,
    )
    if not broken:
        return Law(law, left, right, True)
    more = f" and {len(broken) - 5} more" if len(broken) > 5 else ""
    return Law(law, left, right, False, f"{what} {', '.join(broken[:5])}{more}; {remedy}")


def _missing(connection: "duckdb.DuckDBPyConnection", *needed: str) -> str | None:
    """The first of these tables of marts, or columns of them (`table.column`), that is not there."""
    query = (
        "select 1 from duckdb_columns() where database_name = current_database() and schema_name = 'marts' "
        "and table_name = $table and $column in ('', column_name) limit 1"
    )
    for one in needed:
        table, _, column = one.partition(".")
        if not connection.execute(query, {"table": table, "column": column}).fetchone():
            return one
    return None


def _not_built(law: str, table: str) -> Law:
    return Law(law, None, None, None, f"not built: {table}")
