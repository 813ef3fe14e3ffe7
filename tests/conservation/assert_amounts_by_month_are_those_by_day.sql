-- Calls and money per currency: the months of mart_cost_monthly equal the days of mart_cost_daily, which
-- another test compares with fact_calls.
with

days as (
    select
        currency,
        sum(calls) as calls,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting,
        sum(unconverted_calls) as unconverted_calls
    from {{ ref('mart_cost_daily') }}
    group by currency
),

months as (
    select
        currency,
        sum(calls) as calls,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting,
        sum(unconverted_calls) as unconverted_calls
    from {{ ref('mart_cost_monthly') }}
    group by currency
)

select
    coalesce(days.currency, months.currency) as currency,
    days.calls as calls_by_day,
    months.calls as calls_by_month,
    days.amount as amount_by_day,
    months.amount as amount_by_month
from days
full outer join months
    on coalesce(days.currency, '') = coalesce(months.currency, '')
where
    days.calls is distinct from months.calls
    or days.amount is distinct from months.amount
    or days.amount_reporting is distinct from months.amount_reporting
    or days.unconverted_calls is distinct from months.unconverted_calls
