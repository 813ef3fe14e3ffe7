with

-- The part of each call on the UTC day of its CallTime; its answer may be on a later day.
first_days as (
    select
        application_key,
        call_type,
        interval_basis,
        call_date as traffic_date,
        occupied_at,
        case when opened_at < cast(call_date as timestamp) + interval 1 day then opened_at end as opened_at,
        least(closed_at, cast(call_date as timestamp) + interval 1 day) as closed_at
    from {{ ref('int_traffic__intervals') }}
),

later_days as (
    select
        application_key,
        call_type,
        interval_basis,
        traffic_date,
        occupied_at,
        opened_at,
        closed_at
    from {{ ref('int_traffic__later_days') }}
),

unioned as (
    select
        application_key,
        call_type,
        interval_basis,
        traffic_date,
        occupied_at,
        opened_at,
        closed_at
    from first_days
    union all
    select
        application_key,
        call_type,
        interval_basis,
        traffic_date,
        occupied_at,
        opened_at,
        closed_at
    from later_days
)

select * from unioned
