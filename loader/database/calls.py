"""What raw records show of their calls: the UTC day, and which other records are of the same call."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loader.feeds import ISO_TIME

if TYPE_CHECKING:
    import duckdb


# A time without an offset is UTC.
_CALL_TIME = rf"^\W*{ISO_TIME}\W*$"


def call_dates(table: str, condition: str) -> str:
    """A query for the `_file_id` and the UTC `day`s of the records of a raw table that meets a condition
    and whose CallTime can be read. Times before 1990 and from 2100 on are none, as in the models.
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
                    -- of the usual form the minutes: few of them, however many calls
                    select distinct
                        _file_id,
                        if(
                            "CallTime" like '____-__-__T__:__:__Z', left("CallTime", 16), "CallTime"
                        ) as call_time
                    from {table}
                    where {condition}
                )
            )
        )
        where moment >= timestamp '1990-01-01' and moment < timestamp '2100-01-01'
    """


# Without blank and invisible characters at its ends, as in the models; a pattern is slow, and seldom needed.
_CALL_ID = """
    case
        when "CallId" between '!' and '~' and array_extract("CallId", -1) between '!' and '~' then "CallId"
        else regexp_replace("CallId", '^[^\\pL\\pN\\pP\\pS]+|[^\\pL\\pN\\pP\\pS]+$', '', 'g')
    end
"""


def shared_calls(
    connection: "duckdb.DuckDBPyConnection", tables: Sequence[str], pairs: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], int]:
    """How many records of the older of two files are of calls that the newer one has, too; by their ids, the
    newer first. Pairs without such a call are left out. The tables are those that hold one kind's records.
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
