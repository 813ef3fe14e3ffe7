{{ incremental_by_day(looks_back_days=1) }}

with

calls as (
    select
        application_key,
        user_id,
        coalesce({{ costly_range('number_type') }}, destination_country) as destination,
        -- no more of a call than an hour is in any window
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

-- A window reaches into the day before, so that both days' minutes may fill it; other days have too few.
busy as (
    select
        with_neighbours.entity_type,
        with_neighbours.application_key,
        with_neighbours.entity,
        with_neighbours.destination,
        with_neighbours.report_date
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

windowed as (
    select
        entities.entity_type,
        entities.application_key,
        entities.entity,
        entities.destination,
        count(*) over sixty_minutes as calls,
        sum(entities.duration_seconds) over sixty_minutes as talk_seconds,
        sum(entities.amount_reporting) over sixty_minutes as amount_reporting,
        entities.report_date,
        min(entities.called_at) over sixty_minutes as first_at,
        entities.called_at as last_at
    from entities
    inner join busy
        on
            entities.entity_type = busy.entity_type
            and entities.application_key = busy.application_key
            and entities.entity = busy.entity
            and entities.destination = busy.destination
            and entities.report_date = busy.report_date
    window sixty_minutes as (
        partition by entities.entity_type, entities.application_key, entities.entity, entities.destination
        order by entities.called_at
        range between interval 60 minutes preceding and current row
    )
),

-- The fullest window that ends on the day, of equals the first.
ranked as (
    select
        *,
        row_number() over (
            partition by entity_type, application_key, entity, destination, report_date
            order by talk_seconds desc, last_at asc
        ) as place
    from windowed
),

final as (
    select
        ranked.entity_type,
        ranked.application_key,
        ranked.entity,
        ranked.destination,
        ranked.calls,
        cast(ranked.talk_seconds as double) / 60 as minutes,
        cast(ranked.amount_reporting as decimal(38, 6)) as amount_reporting,
        ranked.report_date,
        ranked.first_at,
        ranked.last_at
    from ranked
    cross join settings
    where
        ranked.place = 1
        and ranked.talk_seconds >= 60 * settings.floor_minutes
        and {{ stale('ranked.report_date') }}
)

select * from final
