-- Its hooks bring the history up to date:
-- depends_on: {{ ref('mart_restatements') }}

with

files as (
    select
        file_id,
        kind,
        records,
        staged,
        rejected,
        file_date,
        covers_from
    from {{ ref('stg_sinch__files') }}
    where state = 'current' and kind is not null and file_date is not null and is_future_dated is not true
),

reconciliation as (
    select
        file_id,
        unusable,
        exact_duplicates,
        conflicts
    from {{ ref('mart_feed_reconciliation') }}
),

history as (
    select
        file_id,
        call_type,
        calls,
        day,
        changed_at
    from {{ ref('int_day_history') }}
),

file_dates as (
    select
        file_id,
        file_date
    from {{ ref('stg_sinch__files') }}
),

other_days as (
    select
        call_type,
        file_date,
        {{ whole('sum(case when days_late > 0 then 1 end)') }} as late_calls,
        {{ whole('sum(case when days_late < 0 then 1 end)') }} as early_calls
    from {{ ref('fact_calls') }}
    where days_late <> 0
    group by
        call_type,
        file_date
),

-- Calls in an earlier day's file do not begin a day.
first_builds as (
    select
        history.call_type,
        history.day,
        min(history.changed_at) as built_at
    from history
    inner join file_dates
        on history.file_id = file_dates.file_id and history.day <= file_dates.file_date
    group by
        history.call_type,
        history.day
),

-- What a correction replaces went and came: it is no later call.
began as (
    select
        history.call_type,
        history.day,
        sum(history.calls) as calls,
        greatest(sum(case when history.changed_at > first_builds.built_at then history.calls else 0 end), 0)
            as later_calls
    from history
    inner join first_builds
        on history.call_type = first_builds.call_type and history.day = first_builds.day
    group by
        history.call_type,
        history.day
),

kinds as (
    select
        kind as call_type,
        min(file_date) as first_day
    from files
    group by kind
),

span as (
    select
        min(file_date) as first_day,
        greatest(max(file_date), {{ feed_expected_until() }}) as last_day
    from files
),

days as (
    select {{ each_day('first_day', 'last_day') }} as day
    from span
),

spine as (
    select
        days.day as file_date,
        kinds.call_type
    from days
    inner join kinds
        on days.day >= kinds.first_day
),

delivered as (
    select
        files.file_date,
        files.kind as call_type,
        count(*) as files,
        cast(sum(files.records) as bigint) as records,
        cast(sum(files.staged) as bigint) as staged,
        cast(sum(files.rejected) as bigint) as rejected,
        cast(sum(reconciliation.unusable) as bigint) as unusable,
        cast(sum(reconciliation.exact_duplicates) as bigint) as exact_duplicates,
        cast(sum(reconciliation.conflicts) as bigint) as conflicts
    from files
    inner join reconciliation
        on files.file_id = reconciliation.file_id
    group by
        files.file_date,
        files.kind
),

-- Days within the range of dates in another file's name, from that file's first call on.
covered as (
    select distinct
        spine.file_date,
        spine.call_type
    from spine
    inner join files
        on
            spine.call_type = files.kind
            and spine.file_date >= files.covers_from
            and spine.file_date < files.file_date
),

weeks as (
    select 7 as days_back
    union all
    select 14 as days_back
    union all
    select 21 as days_back
    union all
    select 28 as days_back
),

typical as (
    select
        spine.file_date,
        spine.call_type,
        percentile_cont(0.5) within group (order by delivered.records) as typical_records
    from spine
    cross join weeks
    inner join delivered
        on
            spine.call_type = delivered.call_type
            and {{ days_between('delivered.file_date', 'spine.file_date') }} = weeks.days_back
    group by
        spine.file_date,
        spine.call_type
),

-- Every day of a kind has a row, so 28 rows are 28 days.
usual as (
    select
        spine.file_date,
        spine.call_type,
        sum(began.later_calls) over days_before as later_calls,
        sum(began.calls) over days_before as calls
    from spine
    left join began
        on spine.file_date = began.day and spine.call_type = began.call_type
    window days_before as (
        partition by spine.call_type
        order by spine.file_date
        rows between 28 preceding and 1 preceding
    )
),

joined as (
    select
        spine.file_date,
        spine.call_type,
        coalesce(delivered.files, 0) as files,
        coalesce(delivered.records, 0) as records,
        coalesce(delivered.staged, 0) as staged,
        coalesce(delivered.rejected, 0) as rejected,
        coalesce(delivered.unusable, 0) as unusable,
        coalesce(delivered.exact_duplicates, 0) as exact_duplicates,
        coalesce(delivered.conflicts, 0) as conflicts,
        coalesce(other_days.late_calls, 0) as late_calls,
        coalesce(other_days.early_calls, 0) as early_calls,
        usual.later_calls as usually_later_calls,
        usual.calls as usual_calls,
        typical.typical_records,
        covered.file_date is not null as is_covered
    from spine
    left join delivered
        on spine.file_date = delivered.file_date and spine.call_type = delivered.call_type
    left join other_days
        on spine.file_date = other_days.file_date and spine.call_type = other_days.call_type
    left join usual
        on spine.file_date = usual.file_date and spine.call_type = usual.call_type
    left join typical
        on spine.file_date = typical.file_date and spine.call_type = typical.call_type
    left join covered
        on spine.file_date = covered.file_date and spine.call_type = covered.call_type
),

final as (
    select
        file_date,
        call_type,
        case
            when files > 0 and records > 0 then 'present'
            when files > 0 then 'empty'
            when is_covered then 'covered'
            else 'missing'
        end as status,
        files,
        records,
        staged,
        rejected,
        unusable,
        exact_duplicates,
        conflicts,
        late_calls,
        early_calls,
        {{ ratio('usually_later_calls', 'usual_calls') }} as usually_later_share,
        cast(typical_records as double) as typical_records,
        {{ ratio('records', 'typical_records') }} as volume_ratio
    from joined
)

select * from final
