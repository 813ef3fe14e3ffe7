{{ incremental_by_day('call_date', reaches='traffic_date') }}

with

intervals as (
    select
        application_key,
        call_type,
        interval_basis,
        call_date,
        opened_at,
        closed_at
    from {{ ref('int_traffic__intervals') }}
    where {{ stale('call_date') }}
),

-- The last day is that of the last microsecond: a call that ends at midnight is not open on the next day.
crossing as (
    select
        *,
        cast(closed_at - interval 1 microsecond as date) as last_day
    from intervals
    where cast(closed_at - interval 1 microsecond as date) > call_date
),

days as (
    select
        application_key,
        call_type,
        interval_basis,
        call_date,
        opened_at,
        closed_at,
        {{ each_day('call_date', 'last_day') }} as traffic_date
    from crossing
),

final as (
    select
        application_key,
        call_type,
        interval_basis,
        call_date,
        traffic_date,
        cast(traffic_date as timestamp) as occupied_at,
        case
            when opened_at < cast(traffic_date as timestamp) + interval 1 day
                then greatest(opened_at, cast(traffic_date as timestamp))
        end as opened_at,
        least(closed_at, cast(traffic_date as timestamp) + interval 1 day) as closed_at
    from days
    where traffic_date > call_date
)

select * from final
