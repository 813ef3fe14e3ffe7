with

observed as (
    select distinct report_date as observed_date from {{ ref('mart_quality_daily') }}
    union
    select distinct file_date as observed_date from {{ ref('mart_feed_reconciliation') }}
    where file_date is not null
),

-- Only years that occur, so that a mistyped year does not fill the table with centuries.
years as (
    select distinct cast(date_trunc('year', observed_date) as date) as year_start from observed
),

days as (
    select {{ each_day('year_start', add_days('next_year_start', -1)) }} as date_day
    from (
        select
            year_start,
            cast(year_start + interval 1 year as date) as next_year_start
        from years
    ) as bounds
),

final as (
    select
        date_day,
        cast(extract(year from date_day) as integer) as year_number,
        cast(extract(quarter from date_day) as integer) as quarter_of_year,
        cast(extract(month from date_day) as integer) as month_of_year,
        cast(extract(week from date_day) as integer) as iso_week,
        {{ iso_weekday('date_day') }} as iso_weekday,
        {{ iso_weekday('date_day') }} >= 6 as is_weekend,
        cast(date_trunc('month', date_day) as date) as month_start,
        cast(date_trunc('week', date_day) as date) as week_start
    from days
)

select * from final
