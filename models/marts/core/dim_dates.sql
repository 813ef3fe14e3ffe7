with

observed as (
    select distinct report_date as observed_date from {{ ref('mart_quality_daily') }}
    union
    select distinct file_date as observed_date from {{ ref('mart_feed_reconciliation') }}
    where file_date is not null
),

-- Whole years, each observed one, so that a single mistyped year does not fill the table with centuries.
years as (
    select distinct cast(date_trunc('year', observed_date) as date) as year_start from observed
),

month_numbers as (
    {% for month in range(1, 13) -%}
    select {{ month }} as month_number
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

day_numbers as (
    {% for day in range(1, 32) -%}
    select {{ day }} as day_number
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

days as (
    select
        try_cast(
            concat_ws(
                '-',
                lpad(cast(extract(year from years.year_start) as {{ dbt.type_string() }}), 4, '0'),
                lpad(cast(month_numbers.month_number as {{ dbt.type_string() }}), 2, '0'),
                lpad(cast(day_numbers.day_number as {{ dbt.type_string() }}), 2, '0')
            ) as date
        ) as date_day
    from years
    cross join month_numbers
    cross join day_numbers
),

final as (
    select
        cast(extract(year from date_day) as integer) as year_number,
        cast(extract(quarter from date_day) as integer) as quarter_of_year,
        cast(extract(month from date_day) as integer) as month_of_year,
        cast(extract(week from date_day) as integer) as iso_week,
        {{ iso_weekday('date_day') }} as iso_weekday,
        {{ iso_weekday('date_day') }} >= 6 as is_weekend,
        date_day,
        cast(date_trunc('month', date_day) as date) as month_start,
        cast(date_trunc('week', date_day) as date) as week_start
    from days
    where date_day is not null
)

select * from final
