-- An example to start from: answered minutes by ISO weekday and kind of call.
with

calls as (
    select
        call_type,
        duration_seconds,
        report_date
    from {{ ref('fact_calls') }}
    where is_answered
),

dates as (
    select
        date_day,
        iso_weekday
    from {{ ref('dim_dates') }}
),

final as (
    select
        calls.call_type,
        dates.iso_weekday,
        count(*) as answers,
        cast(coalesce(sum(calls.duration_seconds), 0) as double) / 60 as minutes
    from calls
    inner join dates
        on calls.report_date = dates.date_day
    group by
        calls.call_type,
        dates.iso_weekday
)

select * from final
