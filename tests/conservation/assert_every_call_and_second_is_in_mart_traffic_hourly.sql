-- Calls and answers by UTC day: fact_calls = bids and answers of each scope of mart_traffic_hourly. Seconds
-- of all days together, since calls are open over midnight: erlangs * 3600 + seconds beyond
-- longest_call_seconds = duration_seconds of answered calls.
with

scopes as (
    select 'account' as scope
    union all
    select 'application' as scope
    union all
    select 'call_type' as scope
),

calls as (
    select
        scopes.scope,
        daily.date,
        daily.calls,
        daily.answers
    from (
        select
            call_date as date,
            count(*) as calls,
            count(*) filter (where is_answered) as answers
        from {{ ref('fact_calls') }}
        where {{ lately_called() }}
        group by call_date
    ) as daily
    cross join scopes
),

bids as (
    select
        scope,
        date,
        sum(bids) as calls,
        sum(answers) as answers
    from {{ ref('mart_traffic_hourly') }}
    where {{ lately_called('date') }}
    group by
        scope,
        date
),

talked as (
    select coalesce(sum(duration_seconds), 0) as seconds from {{ ref('fact_calls') }}
    where is_answered
),

cut as (
    select coalesce(sum(cut_seconds), 0) as seconds from {{ ref('int_traffic__intervals') }}
),

swept as (
    select
        scopes.scope,
        coalesce(sum(traffic.erlangs), 0) * 3600 as seconds
    from scopes
    left join {{ ref('mart_traffic_hourly') }} as traffic
        on scopes.scope = traffic.scope
    group by scopes.scope
)

select
    coalesce(calls.scope, bids.scope) as scope,
    coalesce(calls.date, bids.date) as date,
    'calls' as counted,
    cast(calls.calls as double) as in_fact_calls,
    cast(bids.calls as double) as in_mart
from calls
full outer join bids
    on
        calls.scope = bids.scope
        and calls.date = bids.date
where
    -- on a day without a call, calls of the day before may be open
    coalesce(calls.calls, 0) <> coalesce(bids.calls, 0)
    or coalesce(calls.answers, 0) <> coalesce(bids.answers, 0)

union all

select
    swept.scope,
    cast(null as date) as date,
    'seconds' as counted,
    cast(talked.seconds as double) as in_fact_calls,
    swept.seconds + cut.seconds as in_mart
from talked
cross join cut
cross join swept
-- a tolerance for sums of fractions of hours
where abs(talked.seconds - cut.seconds - swept.seconds) > 0.001 + 0.000000001 * swept.seconds
