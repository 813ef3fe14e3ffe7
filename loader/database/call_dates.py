"""On which UTC days the calls of raw records began."""

# Every form of ISO 8601 that the models read, between whatever blanks; a time without an offset is UTC.
_CALL_TIME = (
    r"^\W*(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(?::\d{2}(?:[.,]\d+)?)?"
    r"(?:[Zz]|([+-]\d{2})(?::?(\d{2}))?)?\W*$"
)


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
