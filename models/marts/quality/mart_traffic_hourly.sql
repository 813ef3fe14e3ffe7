{{ incremental_by_day('call_date', column='date') }}

with

calls as (
    select
        application_key,
        call_type,
        is_answered,
        called_at
    from {{ ref('fact_calls') }}
    where {{ stale('call_date') }}
),

intervals as (
    select
        application_key,
        call_type,
        interval_basis,
        opened_at,
        closed_at
    from {{ ref('int_traffic__daily') }}
    where
        {{ stale('traffic_date') }}
        and opened_at is not null
),

bids as (
    select
        application_key,
        call_type,
        count(*) as bids,
        count(*) filter (where is_answered) as answers,
        date_trunc('hour', called_at) as hour
    from calls
    group by
        application_key,
        call_type,
        date_trunc('hour', called_at)
),

-- Small numbers instead of long keys, since the sweep sorts every event.
groups as (
    select
        row_number() over (order by call_type, application_key) as group_id,
        application_key,
        call_type
    from (
        select distinct
            application_key,
            call_type
        from intervals
    ) as observed
),

grouped as (
    select
        groups.group_id,
        case when intervals.interval_basis = 'answer_time' then 1 else 0 end as is_answer_time,
        intervals.opened_at,
        intervals.closed_at
    from intervals
    inner join groups
        on
            intervals.call_type = groups.call_type
            and coalesce(intervals.application_key, '') = coalesce(groups.application_key, '')
),

swept as (
    {{ sweep('grouped') }}
),

unioned as (
    select
        application_key,
        call_type,
        cast(null as {{ dbt.type_string() }}) as interval_basis,
        bids,
        answers,
        cast(0 as double) as erlangs,
        cast(0 as bigint) as peak_concurrent_calls,
        hour,
        cast(null as timestamp) as peak_at
    from bids
    union all
    select
        groups.application_key,
        groups.call_type,
        swept.interval_basis,
        cast(0 as bigint) as bids,
        cast(0 as bigint) as answers,
        swept.erlangs,
        swept.peak_concurrent_calls,
        swept.hour,
        swept.peak_at
    from swept
    inner join groups
        on swept.group_id = groups.group_id
),

final as (
    select
        hour,
        call_type,
        application_key,
        max(interval_basis) as interval_basis,
        cast(sum(bids) as bigint) as bids,
        cast(sum(answers) as bigint) as answers,
        max(erlangs) as erlangs,
        max(peak_concurrent_calls) as peak_concurrent_calls,
        cast(hour as date) as date,
        max(peak_at) as peak_at
    from unioned
    group by
        call_type,
        application_key,
        hour
)

select * from final
