{{ config(materialized='table', tags=['constant']) }}

with

fx_rates as (
    select
        from_currency,
        rate,
        rate_date,
        lead(rate_date) over (partition by from_currency order by rate_date) as next_rate_date
    from {{ ref('fx_rates') }}
    where to_currency = '{{ var("reporting_currency") }}' and from_currency <> to_currency
),

bounds as (
    select
        min(rate_date) as first_day,
        max(rate_date) as last_day
    from fx_rates
),

days as (
    select {{ each_day('first_day', 'last_day') }} as day
    from bounds
),

-- The newest rate dated on or before the day. Calls after the last day take the last day's row.
final as (
    select
        fx_rates.from_currency,
        fx_rates.rate,
        days.day,
        fx_rates.rate_date,
        bounds.last_day
    from days
    inner join fx_rates
        on
            days.day >= fx_rates.rate_date
            and (fx_rates.next_rate_date is null or days.day < fx_rates.next_rate_date)
    cross join bounds
)

select * from final
