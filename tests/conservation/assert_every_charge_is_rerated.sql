-- Calls that go out and have an amount, by day: those of fact_calls are those of int_rerating__daily, priced
-- by the rate card or not; and its months are those of mart_rerating_monthly.
with

calls as (
    select
        report_date,
        count(*) as calls,
        sum(amount) as amount
    from {{ ref('fact_calls') }}
    where {{ lately_reported() }} and call_type = 'phone_terminated' and amount > 0
    group by report_date
),

days as (
    select
        report_date,
        sum(calls) as calls,
        sum(amount) as amount
    from {{ ref('int_rerating__daily') }}
    where {{ lately_reported() }}
    group by report_date
),

months_of_days as (
    select
        {{ month_of('call_date') }} as month,
        sum(calls) as calls,
        sum(amount) as amount
    from {{ ref('int_rerating__daily') }}
    group by {{ month_of('call_date') }}
),

months as (
    select
        month,
        sum(priced_calls) + sum(unpriced_calls) as calls,
        sum(amount) as amount
    from {{ ref('mart_rerating_monthly') }}
    group by month
)

select
    coalesce(calls.report_date, days.report_date) as day_or_month,
    calls.calls,
    days.calls as rerated_calls,
    calls.amount,
    days.amount as rerated_amount
from calls
full outer join days
    on calls.report_date = days.report_date
where
    calls.calls is distinct from days.calls
    or calls.amount is distinct from days.amount

union all

select
    coalesce(months_of_days.month, months.month) as day_or_month,
    months_of_days.calls,
    months.calls as rerated_calls,
    months_of_days.amount,
    months.amount as rerated_amount
from months_of_days
full outer join months
    on months_of_days.month = months.month
where
    months_of_days.calls is distinct from months.calls
    or months_of_days.amount is distinct from months.amount
