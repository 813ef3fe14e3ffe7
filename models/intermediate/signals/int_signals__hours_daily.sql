{{ incremental_by_day(looks_back_days=1) }}

with

calls as (
    select
        application_key,
        user_id,
        coalesce({{ costly_range('number_type') }}, destination_country) as destination,
        -- at most an hour of a call is in any window
        least(duration_seconds, 3600) as duration_seconds,
        amount_reporting,
        report_date,
        called_at
    from {{ ref('int_calls__clear') }}
    where
        {{ stale('report_date', looks_back_days=1) }}
        and is_answered
        and duration_seconds > 0
        and application_key is not null
        and call_type in ('phone_terminated', 'sip_terminated')
        and coalesce({{ costly_range('number_type') }}, destination_country) is not null
),

settings as (
    {{ signal_settings('irsf_like', ['floor_minutes'], also_off=true) }}
),

entities as (
    select
        'application' as entity_type,
        application_key,
        application_key as entity,
        destination,
        duration_seconds,
        amount_reporting,
        report_date,
        called_at
    from calls

    union all

    select
        'user' as entity_type,
        application_key,
        user_id as entity,
        destination,
        duration_seconds,
        amount_reporting,
        report_date,
        called_at
    from calls
    where user_id is not null
),

days as (
    select
        entity_type,
        application_key,
        entity,
        destination,
        sum(duration_seconds) as talk_seconds,
        report_date
    from entities
    group by
        entity_type,
        application_key,
        entity,
        destination,
        report_date
),

with_neighbours as (
    select
        *,
        lag(report_date) over destination_days as previous_date,
        lag(talk_seconds) over destination_days as previous_seconds,
        lead(report_date) over destination_days as next_date,
        lead(talk_seconds) over destination_days as next_seconds
    from days
    window
        destination_days as (
            partition by entity_type, application_key, entity, destination order by report_date
        )
),

-- A window reaches into the day before, so both days' minutes count. Other entities have too few on every
-- day.
busy as (
    select distinct
        with_neighbours.entity_type,
        with_neighbours.application_key,
        with_neighbours.entity,
        with_neighbours.destination
    from with_neighbours
    cross join settings
    where
        with_neighbours.talk_seconds
        + case
            when {{ days_between('with_neighbours.previous_date', 'with_neighbours.report_date') }} = 1
                then with_neighbours.previous_seconds
            else 0
        end
        + case
            when {{ days_between('with_neighbours.report_date', 'with_neighbours.next_date') }} = 1
                then with_neighbours.next_seconds
            else 0
        end
        >= 60 * settings.floor_minutes
),

-- Small numbers instead of long keys, since the windows sort every call.
groups as (
    select
        row_number() over (order by entity_type, application_key, entity, destination) as group_id,
        entity_type,
        application_key,
        entity,
        destination
    from busy
),

grouped as (
    select
        groups.group_id,
        entities.duration_seconds,
        entities.amount_reporting,
        entities.report_date,
        entities.called_at
    from entities
    inner join groups
        on
            entities.entity_type = groups.entity_type
            and entities.application_key = groups.application_key
            and entities.entity = groups.entity
            and entities.destination = groups.destination
),

late as (
    select
        groups.entity_type,
        groups.entity,
        grouped.group_id,
        grouped.duration_seconds,
        grouped.amount_reporting,
        hour({{ time_in_zone('grouped.called_at', var('reporting_timezone')) }}) as local_hour,
        grouped.report_date,
        grouped.called_at
    from grouped
    inner join groups
        on grouped.group_id = groups.group_id
    where hour({{ time_in_zone('grouped.called_at', var('reporting_timezone')) }}) >= 21
),

late_windows as (
    select
        entity_type,
        entity,
        sum(duration_seconds) over (
            partition by group_id, report_date
            order by called_at
            range between interval 60 minutes preceding and current row
        ) as talk_seconds,
        report_date,
        called_at as last_at
    from late
),

-- End of a day's own windows, to any destination: later calls are open to windows of the next day, so windows
-- of an entity share no time. It depends on the day alone, not on the chain of days before it.
closed as (
    select
        late_windows.entity_type,
        late_windows.entity,
        late_windows.report_date,
        max(late_windows.last_at) as closed_at
    from late_windows
    cross join settings
    where late_windows.talk_seconds >= 60 * settings.floor_minutes
    group by
        late_windows.entity_type,
        late_windows.entity,
        late_windows.report_date
),

-- The calls of each day's windows: its own, and the evening before's that are open.
reachable as (
    select
        group_id,
        duration_seconds,
        amount_reporting,
        true as is_of_day,
        report_date,
        called_at
    from grouped

    union all

    select
        late.group_id,
        late.duration_seconds,
        late.amount_reporting,
        false as is_of_day,
        {{ add_days('late.report_date', 1) }} as report_date,
        late.called_at
    from late
    left join closed
        on
            late.entity_type = closed.entity_type
            and late.entity = closed.entity
            and late.report_date = closed.report_date
    where late.local_hour >= 22 and coalesce(late.called_at > closed.closed_at, true)
),

-- Only what determines the fullest window; other figures are computed for that one alone.
windowed as (
    select
        group_id,
        sum(duration_seconds) over (
            partition by group_id, report_date
            order by called_at
            range between interval 60 minutes preceding and current row
        ) as talk_seconds,
        is_of_day,
        report_date,
        called_at as last_at
    from reachable
),

-- The fullest window that ends on the day, the first of equals.
ranked as (
    select
        windowed.group_id,
        row_number() over (
            partition by windowed.group_id, windowed.report_date
            order by windowed.talk_seconds desc, windowed.last_at asc
        ) as place,
        windowed.report_date,
        windowed.last_at
    from windowed
    cross join settings
    where
        windowed.talk_seconds >= 60 * settings.floor_minutes
        and windowed.is_of_day
        and {{ stale('windowed.report_date') }}
),

fullest as (
    select
        ranked.group_id,
        count(*) as calls,
        cast(sum(reachable.duration_seconds) as double) / 60 as minutes,
        cast(sum(reachable.amount_reporting) as decimal(38, 6)) as amount_reporting,
        ranked.report_date,
        min(reachable.called_at) as first_at,
        ranked.last_at
    from ranked
    inner join reachable
        on
            ranked.group_id = reachable.group_id
            and ranked.report_date = reachable.report_date
            and reachable.called_at between ranked.last_at - interval 60 minutes and ranked.last_at
    where ranked.place = 1
    group by
        ranked.group_id,
        ranked.report_date,
        ranked.last_at
),

final as (
    select
        groups.entity_type,
        groups.application_key,
        groups.entity,
        groups.destination,
        fullest.calls,
        fullest.minutes,
        fullest.amount_reporting,
        fullest.report_date,
        fullest.first_at,
        fullest.last_at
    from fullest
    inner join groups
        on fullest.group_id = groups.group_id
)

select * from final
