with

files as (
    select
        file_id,
        kind as call_type,
        file_date,
        covers_from,
        loaded_at
    from {{ ref('stg_sinch__files') }}
    where state = 'current' and kind is not null and file_date is not null and is_future_dated is not true
),

last_loading as (
    select cast(max(loaded_at) as date) as loaded_on from files
),

recent_files as (
    select
        files.file_id,
        files.call_type,
        files.file_date,
        files.covers_from
    from files
    cross join last_loading
    where {{ days_between('cast(files.loaded_at as date)', 'last_loading.loaded_on') }} <= 28
),

calls as (
    select
        file_id,
        days_late,
        count(*) as calls,
        sum(case when not is_answered then 1 else 0 end) as unanswered,
        sum(case when not is_answered and duration_seconds > 0 then 1 else 0 end) as unanswered_with_duration
    from {{ ref('fact_calls') }}
    group by
        file_id,
        days_late
),

-- A file with a range of dates in its name legitimately has calls of earlier days.
counted as (
    select
        recent_files.file_id,
        recent_files.call_type,
        recent_files.file_date,
        sum(calls.calls) as calls,
        sum(
            case when calls.days_late > 0 and recent_files.covers_from is null then calls.calls else 0 end
        ) as late,
        sum(
            case when calls.days_late = 1 and recent_files.covers_from is null then calls.calls else 0 end
        ) as of_the_day_before,
        sum(case when calls.days_late < 0 then calls.calls else 0 end) as early,
        sum(case when calls.days_late = -1 then calls.calls else 0 end) as of_the_day_after,
        sum(calls.unanswered) as unanswered,
        sum(calls.unanswered_with_duration) as unanswered_with_duration
    from recent_files
    inner join calls
        on recent_files.file_id = calls.file_id
    group by
        recent_files.file_id,
        recent_files.call_type,
        recent_files.file_date
),

judged as (
    select
        call_type,
        calls,
        late,
        early,
        of_the_day_before,
        of_the_day_after,
        unanswered,
        unanswered_with_duration,
        of_the_day_before >= 3
        and 4 * of_the_day_before >= 3 * calls
        and 20 * late >= 19 * calls as is_named_late,
        of_the_day_after >= 3 and 4 * of_the_day_after >= 3 * calls as is_named_early,
        (early >= 3 and 10 * early >= calls)
        or (
            early + late >= 3
            and case when call_type = 'app_app' then 3 else 10 end * (early + late) >= calls
        ) as is_of_other_days,
        file_date
    from counted
),

found_in_files as (
    select
        'names_a_day_late' as finding,
        call_type,
        of_the_day_before as calls,
        calls as of_calls,
        file_date
    from judged
    where is_named_late

    union all

    select
        'names_a_day_early' as finding,
        call_type,
        of_the_day_after as calls,
        calls as of_calls,
        file_date
    from judged
    where is_named_early

    union all

    select
        'mixed_days' as finding,
        call_type,
        early + late as calls,
        calls as of_calls,
        file_date
    from judged
    where is_of_other_days and not is_named_late and not is_named_early

    union all

    select
        'unanswered_with_duration' as finding,
        call_type,
        unanswered_with_duration as calls,
        unanswered as of_calls,
        file_date
    from judged
    where unanswered_with_duration >= 3 and 10 * unanswered_with_duration >= unanswered
),

of_files as (
    select
        finding,
        call_type,
        count(*) as files,
        {{ whole('sum(calls)') }} as calls,
        {{ whole('sum(of_calls)') }} as of_calls,
        {{ ratio('sum(calls)', 'sum(of_calls)') }} as share,
        min(file_date) as first_date,
        max(file_date) as last_date
    from found_in_files
    group by
        finding,
        call_type
),

kinds as (
    select
        call_type,
        max(file_date) as newest_date,
        max(max(file_date)) over () as newest_of_all
    from files
    group by call_type
),

stalled as (
    select
        'kind_stalled' as finding,
        call_type,
        cast(0 as bigint) as files,
        cast(0 as bigint) as calls,
        cast(0 as bigint) as of_calls,
        cast(null as double) as share,
        {{ add_days('newest_date', 1) }} as first_date,
        newest_of_all as last_date
    from kinds
    where {{ days_between('newest_date', 'newest_of_all') }} > 7
),

feed as (
    select
        call_type,
        status,
        files,
        usually_later_share,
        file_date,
        sum(records) over (
            partition by call_type
            order by file_date
            rows between 28 preceding and 1 preceding
        ) as records_before
    from {{ ref('mart_feed_completeness') }}
),

-- If names are a day late, all calls are in a later day's file: one error, not two.
newest_day as (
    select
        'newest_day_open' as finding,
        feed.call_type,
        feed.files,
        cast(0 as bigint) as calls,
        cast(0 as bigint) as of_calls,
        feed.usually_later_share as share,
        feed.file_date as first_date,
        feed.file_date as last_date
    from feed
    inner join kinds
        on feed.call_type = kinds.call_type and feed.file_date = kinds.newest_of_all
    left join of_files
        on feed.call_type = of_files.call_type and of_files.finding = 'names_a_day_late'
    where
        feed.status = 'present'
        and feed.usually_later_share >= 0.05
        and feed.usually_later_share * feed.records_before >= 5
        and of_files.finding is null
),

final as (
    select * from of_files
    union all
    select * from stalled
    union all
    select * from newest_day
)

select * from final
