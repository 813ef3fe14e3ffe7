-- Calls and answers by UTC day: fact_calls = bids and answers of mart_traffic_hourly. Seconds of all days
-- together, since calls are open over midnight: erlangs * 3600 + seconds beyond longest_call_seconds =
-- duration_seconds of answered calls.
with

calls as (
    select
        call_date as date,
        count(*) as calls,
        count(*) filter (where is_answered) as answers
    from {{ ref('fact_calls') }}
    where {{ lately_called() }}
    group by call_date
),

bids as (
    select
        date,
        sum(bids) as calls,
        sum(answers) as answers
    from {{ ref('mart_traffic_hourly') }}
    where {{ lately_called('date') }}
    group by date
),

talked as (
    select coalesce(sum(duration_seconds), 0) as seconds from {{ ref('fact_calls') }}
    where is_answered
),

cut as (
    select coalesce(sum(cut_seconds), 0) as seconds from {{ ref('int_traffic__intervals') }}
),

swept as (
    select coalesce(sum(erlangs), 0) * 3600 as seconds from {{ ref('mart_traffic_hourly') }}
)

select
    coalesce(calls.date, bids.date) as date,
    'calls' as counted,
    cast(calls.calls as double) as in_fact_calls,
    cast(bids.calls as double) as in_mart
from calls
full outer join bids
    on calls.date = bids.date
where
    -- on a day without a call, calls of the day before may be open
    coalesce(calls.calls, 0) <> coalesce(bids.calls, 0)
    or coalesce(calls.answers, 0) <> coalesce(bids.answers, 0)

union all

select
    cast(null as date) as date,
    'seconds' as counted,
    cast(talked.seconds as double) as in_fact_calls,
    swept.seconds + cut.seconds as in_mart
from talked
cross join cut
cross join swept
-- a tolerance for sums of fractions of hours
where abs(talked.seconds - cut.seconds - swept.seconds) > 0.001 + 0.000000001 * swept.seconds
