with

-- A file with a date later than the day after its loading has a mistyped date.
files as (
    select
        kind as call_type,
        file_date
    from {{ ref('stg_sinch__files') }}
    where state = 'current' and kind is not null and file_date is not null and is_future_dated is not true
),

kinds as (
    select
        call_type,
        max(file_date) as newest_date,
        max(max(file_date)) over () as newest_of_all
    from files
    group by call_type
),

-- A kind whose newest file is more than seven days behind the feed's has stalled: no day waits for it.
due as (
    select
        completeness.file_date,
        completeness.status
    from {{ ref('mart_feed_completeness') }} as completeness
    inner join kinds
        on completeness.call_type = kinds.call_type
    where
        completeness.file_date <= kinds.newest_of_all
        and (
            completeness.file_date <= kinds.newest_date
            or {{ days_between('kinds.newest_date', 'kinds.newest_of_all') }} <= 7
        )
),

utc_days as (
    select
        file_date,
        count(*) as due_files,
        sum(case when status = 'missing' then 1 else 0 end) as missing_files
    from due
    group by file_date
),

span as (
    select
        min(file_date) as first_day,
        max(file_date) as last_day
    from utc_days
),

-- One more day at each end: in most time zones a report date needs parts of two UTC days.
days as (
    select {{ each_day(add_days('first_day', -1), add_days('last_day', 1)) }} as file_date
    from span
),

touched as (
    select
        file_date,
        {{ date_in_zone('cast(file_date as timestamp)', var('reporting_timezone')) }} as report_date
    from days

    union

    select
        file_date,
        {{ date_in_zone(
            '(' ~ add_seconds('cast(file_date as timestamp)', 86399) ~ ')', var('reporting_timezone'),
        ) }} as report_date
    from days
),

final as (
    select
        touched.report_date,
        {{ whole('sum(utc_days.due_files)') }} as due_files,
        {{ whole('sum(utc_days.missing_files)') }} as missing_files,
        sum(case when utc_days.missing_files = 0 then 0 else 1 end) = 0 as is_complete
    from touched
    left join utc_days
        on touched.file_date = utc_days.file_date
    group by touched.report_date
    having sum(utc_days.due_files) > 0
)

select * from final
