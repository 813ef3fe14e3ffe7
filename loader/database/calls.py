"""Queries over raw records: the UTC days of their calls, and records of the same calls."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loader.feeds import ISO_TIME

if TYPE_CHECKING:
    import duckdb


# A time without an offset is UTC.
_CALL_TIME = rf"^\W*{ISO_TIME}\W*$"
_WITH_FRACTION = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+Z$"


def call_dates(table: str, condition: str) -> str:
    """Return a query for `_file_id` and UTC `day` of the records that meet a condition and whose CallTime
    parses. Times before 1990 and from 2100 on do not count, as in the models.
    """
    return f"""
        select _file_id, moment::date as day
        from (
            select
                _file_id,
                try_cast(part.day || ' ' || part.time || ':00' as timestamp)
                - to_minutes(
                    coalesce(try_cast(part.hours as integer), 0) * 60
                    + coalesce(try_cast(left(part.hours, 1) || part.minutes as integer), 0)
                ) as moment
            from (
                select
                    _file_id,
                    regexp_extract(call_time, '{_CALL_TIME}', ['day', 'time', 'hours', 'minutes']) as part
                from (
                    -- times of the usual forms cut to minutes: few distinct values, however many calls
                    select distinct
                        _file_id,
                        if(
                            "CallTime" like '____-__-__T__:__:__Z'
                                or regexp_matches("CallTime", '{_WITH_FRACTION}'),
                            left("CallTime", 16),
                            "CallTime"
                        ) as call_time
                    from {table}
                    where {condition}
                )
            )
        )
        where moment >= timestamp '1990-01-01' and moment < timestamp '2100-01-01'
    """


# Trimmed of blank and invisible characters, as in the models. The pattern is slow, and seldom needed.
_CALL_ID = """
    case
        when "CallId" between '!' and '~' and array_extract("CallId", -1) between '!' and '~' then "CallId"
        else regexp_replace("CallId", '^[^\\pL\\pN\\pP\\pS]+|[^\\pL\\pN\\pP\\pS]+$', '', 'g')
    end
"""


def shared_calls(
    connection: "duckdb.DuckDBPyConnection", tables: Sequence[str], pairs: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], int]:
    """Count for each pair of files (newer id, older id) the older file's records of calls that the newer one
    also has. Pairs without such a call are left out. `tables` hold the records of one kind.
    """
    newer, older = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    rows = connection.execute(
        f"""
        select pairs.newer, pairs.older, count(*)
        from ({_call_ids(tables, older)}) as record
        inner join (select unnest(?::bigint[]) as newer, unnest(?::bigint[]) as older) as pairs
            on record._file_id = pairs.older
        where
            record.call_id <> ''
            and (pairs.newer, record.call_id) in (
                select _file_id, call_id from ({_call_ids(tables, newer)})
            )
        group by pairs.newer, pairs.older
        """,
        [newer, older],
    ).fetchall()
    return {(new, old): count for new, old, count in rows}


def _call_ids(tables: Sequence[str], file_ids: Sequence[int]) -> str:
    # Written out, so that only the row groups of these files are read.
    listed = ", ".join(map(str, sorted(set(file_ids))))
    return " union all ".join(
        f"select _file_id, {_CALL_ID} as call_id from {table} where _file_id in ({listed})"
        for table in tables
    )
