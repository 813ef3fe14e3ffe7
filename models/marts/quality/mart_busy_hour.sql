{{ incremental_by_day('call_date', column='date') }}

with

intervals as (
    select
        application_key,
        interval_basis,
        opened_at,
        closed_at
    from {{ ref('int_traffic__daily') }}
    where {{ stale('traffic_date') }}
),

-- Number 0 is the whole account: its peaks are swept over all its calls, those of applications do not add up.
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
        intervals.opened_at,
        intervals.closed_at
    from intervals
    inner join groups
        on
            groups.scope = 'application'
            and coalesce(intervals.application_key, '') = coalesce(groups.application_key, '')
),

grouped as (
    select
        group_id,
        is_answer_time,
        opened_at,
        closed_at
    from numbered
    union all
    select
        0 as group_id,
        is_answer_time,
        opened_at,
        closed_at
    from numbered
),

swept as (
    {{ sweep('grouped') }}
),

ranked as (
    select
        group_id,
        erlangs,
        peak_concurrent_calls,
        cast(hour as date) as date,
        hour,
        peak_at,
        row_number() over (
            partition by group_id, cast(hour as date)
            order by erlangs desc, hour asc
        ) as rank_by_erlangs,
        row_number() over (
            partition by group_id, cast(hour as date)
            order by peak_concurrent_calls desc, hour asc
        ) as rank_by_peak
    from swept
),

days as (
    select
        group_id,
        date,
        max(erlangs) as erlangs,
        max(peak_concurrent_calls) as peak_concurrent_calls,
        max(case when rank_by_erlangs = 1 then hour end) as busy_hour,
        max(case when rank_by_peak = 1 then peak_at end) as peak_at
    from ranked
    group by
        group_id,
        date
),

final as (
    select
        groups.scope,
        groups.application_key,
        days.erlangs,
        days.peak_concurrent_calls,
        days.date,
        days.busy_hour,
        days.peak_at
    from days
    inner join groups
        on days.group_id = groups.group_id
)

select * from final
