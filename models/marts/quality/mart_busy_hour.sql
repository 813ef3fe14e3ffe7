{{ incremental_by_day('call_date', column='date') }}

with

intervals as (
    select
        application_key,
        interval_basis,
        occupied_at,
        opened_at,
        closed_at
    from {{ ref('int_traffic__daily') }}
    where {{ stale('traffic_date') }}
),

-- Number 0 is the whole account: its peaks are computed over all its calls, since those of applications do
-- not add up.
groups as (
    select
        0 as group_id,
        'account' as scope,
        cast(null as {{ dbt.type_string() }}) as application_key
    union all
    select
        row_number() over (order by application_key) as group_id,
        'application' as scope,
        application_key
    from (select distinct application_key from intervals) as observed
),

numbered as (
    select
        groups.group_id,
        case when intervals.interval_basis = 'answer_time' then 1 else 0 end as is_answer_time,
        intervals.occupied_at,
        intervals.opened_at,
        intervals.closed_at
    from intervals
    inner join groups
        on
            groups.scope = 'application'
            and coalesce(intervals.application_key, '') = coalesce(groups.application_key, '')
),

sides as (
    select
        0 as of_application,
        0 as with_ringing
    union all
    select
        0 as of_application,
        1 as with_ringing
    union all
    select
        1 as of_application,
        0 as with_ringing
    union all
    select
        1 as of_application,
        1 as with_ringing
),

-- One sweep for both: even numbers are conversations, odd ones the same calls with their ringing.
grouped as (
    select
        2 * numbered.group_id * sides.of_application + sides.with_ringing as group_id,
        numbered.is_answer_time,
        case when sides.with_ringing = 1 then numbered.occupied_at else numbered.opened_at end as opened_at,
        numbered.closed_at
    from numbered
    cross join sides
    where sides.with_ringing = 1 or numbered.opened_at is not null
),

swept as (
    {{ sweep('grouped') }}
),

hours as (
    select
        cast((group_id - group_id % 2) / 2 as bigint) as group_id,
        group_id % 2 as with_ringing,
        erlangs,
        peak_concurrent_calls,
        cast(hour as date) as date,
        hour,
        peak_at
    from swept
),

ranked as (
    select
        *,
        row_number() over (
            partition by group_id, with_ringing, date
            order by erlangs desc, hour asc
        ) as rank_by_erlangs,
        row_number() over (
            partition by group_id, with_ringing, date
            order by peak_concurrent_calls desc, hour asc
        ) as rank_by_peak
    from hours
),

days as (
    select
        group_id,
        date,
        max(case when with_ringing = 0 then erlangs end) as erlangs,
        max(case when with_ringing = 0 then peak_concurrent_calls end) as peak_concurrent_calls,
        max(peak_concurrent_calls) as peak_occupied,
        max(case when with_ringing = 0 and rank_by_erlangs = 1 then hour end) as busy_hour,
        max(case when with_ringing = 0 and rank_by_peak = 1 then peak_at end) as peak_at
    from ranked
    group by
        group_id,
        date
),

circuits as (
    {{ erlang_b_lines('days', loss=0.01) }}
),

-- A day on which calls only ring has no busy hour.
final as (
    select
        days.date,
        groups.scope,
        groups.application_key,
        days.erlangs,
        days.peak_concurrent_calls,
        days.peak_occupied,
        circuits.lines as lines_at_1pct,
        days.busy_hour,
        days.peak_at
    from days
    inner join groups
        on days.group_id = groups.group_id
    inner join circuits
        on days.erlangs = circuits.erlangs
)

select * from final
