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

scopes as (
    select 'account' as scope
    union all
    select 'application' as scope
    union all
    select 'call_type' as scope
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

-- Every kind and application is in three groups, since peaks of narrow scopes do not add up to those of
-- wider ones. Small numbers instead of long keys, since the sweep sorts every event.
members as (
    select
        dense_rank() over (
            order by
                scopes.scope,
                case when scopes.scope <> 'account' then observed.application_key end,
                case when scopes.scope = 'call_type' then observed.call_type end
        ) as group_id,
        scopes.scope,
        observed.application_key,
        observed.call_type
    from (
        select distinct
            application_key,
            call_type
        from intervals
    ) as observed
    cross join scopes
),

groups as (
    select distinct
        group_id,
        scope,
        case when scope <> 'account' then application_key end as application_key,
        case when scope = 'call_type' then call_type end as call_type
    from members
),

grouped as (
    select
        members.group_id,
        case when intervals.interval_basis = 'answer_time' then 1 else 0 end as is_answer_time,
        intervals.opened_at,
        intervals.closed_at
    from intervals
    inner join members
        on
            intervals.call_type = members.call_type
            and coalesce(intervals.application_key, '') = coalesce(members.application_key, '')
),

swept as (
    {{ sweep('grouped') }}
),

unioned as (
    select
        scopes.scope,
        case when scopes.scope <> 'account' then bids.application_key end as application_key,
        case when scopes.scope = 'call_type' then bids.call_type end as call_type,
        cast(null as {{ dbt.type_string() }}) as interval_basis,
        bids.bids,
        bids.answers,
        cast(0 as double) as erlangs,
        cast(0 as bigint) as peak_concurrent_calls,
        bids.hour,
        cast(null as timestamp) as peak_at
    from bids
    cross join scopes
    union all
    select
        groups.scope,
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
        scope,
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
        scope,
        call_type,
        application_key,
        hour
)

select * from final
