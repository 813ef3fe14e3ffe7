{#-
    How many calls are open at a time, exact to the microsecond: a query (group_id, interval_basis, erlangs,
    peak_concurrent_calls, hour, peak_at) with a row for every hour in which a call is open.

    `intervals` is a relation (group_id, is_answer_time: 0 or 1, opened_at, closed_at). No interval is empty
    or crosses a midnight (UTC).

    Every interval is two events; none is split over hours. An event's key is 4 * microseconds of the hour,
    + 2 for a start, + 1 where the interval starts at AnswerTime: an end sorts before a start of the same
    moment. An end belongs to the hour of its last microsecond, so the calls open when an hour begins are
    those opened less those closed in the hours before. The peak is this number plus the highest running sum
    within the hour, if that is above 0. It is reached at a start: at the n-th event of the hour, if it is
    the m-th start, m calls were opened and n - m closed. (Two row numbers take half the time of a running
    sum.) Sum and key share one number: the largest has the highest sum, at its first moment. All numbers
    are integers.
-#}
{% macro sweep(intervals) -%}
    {%- set hour = 3600000000 -%}
    {%- set day = 24 * hour -%}
    {#- 2^34, more than any key: 4 * hour + 3. -#}
    {%- set keys = 17179869184 -%}
    {%- set is_start = "event_key % 4 >= 2" -%}
    {%- set sign = "case when " ~ is_start ~ " then 1 else -1 end" -%}
    with

    moments as (
        select
            group_id,
            is_answer_time,
            {{ microseconds('opened_at') }} as opened,
            {{ microseconds('closed_at') }} - 1 as last_open
        from {{ intervals }}
    ),

    events as (
        select
            group_id,
            opened - opened % {{ hour }} as hour_start,
            4 * (opened % {{ hour }}) + 2 + is_answer_time as event_key
        from moments
        union all
        select
            group_id,
            last_open - last_open % {{ hour }} as hour_start,
            4 * (last_open % {{ hour }} + 1) + is_answer_time as event_key
        from moments
    ),

    numbered as (
        select
            *,
            row_number() over (partition by group_id, hour_start order by event_key) as event_number
        from events
    ),

    running as (
        select
            *,
            row_number() over (partition by group_id, hour_start, {{ is_start }} order by event_number)
                as number_of_kind
        from numbered
    ),

    hours_with_events as (
        select
            group_id,
            hour_start,
            hour_start - hour_start % {{ day }} as day_start,
            greatest(
                max(
                    case
                        when {{ is_start }}
                            then (2 * number_of_kind - event_number) * {{ keys }} + {{ keys - 1 }} - event_key
                        else 0
                    end
                ),
                {{ keys - 1 }}
            ) as highest,
            cast(sum({{ sign }}) as bigint) as opened,
            cast(sum(case event_key % 4 when 3 then 1 when 1 then -1 else 0 end) as bigint)
                as opened_answer_time,
            count(*) filter (where event_key % 4 = 3) as starts_answer_time,
            count(*) filter (where event_key % 4 = 2) as starts_call_time,
            -- the rest of the hour after every start, less that after every end
            cast(
                sum(({{ sign }}) * ({{ hour }} - cast((event_key - event_key % 4) / 4 as bigint))) as bigint
            ) as open_microseconds
        from running
        group by
            group_id,
            hour_start
    ),

    carried as (
        select
            *,
            coalesce(cast(sum(opened) over hours_before as bigint), 0) as carried,
            coalesce(cast(sum(opened_answer_time) over hours_before as bigint), 0) as carried_answer_time,
            coalesce(lead(hour_start) over hours_of_day, hour_start + {{ hour }}) as next_hour_start
        from hours_with_events
        window
            hours_of_day as (partition by group_id, day_start order by hour_start),
            hours_before as (
                partition by group_id, day_start
                order by hour_start
                rows between unbounded preceding and 1 preceding
            )
    ),

    hours_later as (
        {% for number in range(24) -%}
        select cast({{ number }} as bigint) * {{ hour }} as hour_offset
        {{ 'union all' if not loop.last }}
        {% endfor %}
    ),

    -- Hours without an event, between two with one, in which calls stay open.
    without_event as (
        select
            carried.group_id,
            carried.carried + carried.opened as open_calls,
            carried.carried_answer_time + carried.opened_answer_time as open_answer_time,
            carried.hour_start + hours_later.hour_offset as hour_start
        from carried
        inner join hours_later
            on
                hours_later.hour_offset > 0
                and carried.hour_start + hours_later.hour_offset < carried.next_hour_start
        where carried.carried + carried.opened > 0
    ),

    hours as (
        select
            group_id,
            carried_answer_time + starts_answer_time > 0 as has_answer_time,
            carried - carried_answer_time + starts_call_time > 0 as has_call_time,
            carried * {{ hour }} + open_microseconds as open_microseconds,
            carried + cast((highest - highest % {{ keys }}) / {{ keys }} as bigint) as peak_concurrent_calls,
            hour_start,
            ({{ keys - 1 }} - highest % {{ keys }}) as peak_key
        from carried
        union all
        select
            group_id,
            open_answer_time > 0 as has_answer_time,
            open_calls - open_answer_time > 0 as has_call_time,
            open_calls * {{ hour }} as open_microseconds,
            open_calls as peak_concurrent_calls,
            hour_start,
            0 as peak_key
        from without_event
    )

    select
        group_id,
        case
            when has_answer_time and has_call_time then 'mixed'
            when has_answer_time then 'answer_time'
            else 'call_time'
        end as interval_basis,
        cast(open_microseconds as double) / {{ hour }} as erlangs,
        peak_concurrent_calls,
        {{ from_microseconds('hour_start') }} as hour,
        {{ from_microseconds('hour_start + cast((peak_key - peak_key % 4) / 4 as bigint)') }} as peak_at
    from hours
{%- endmacro %}
