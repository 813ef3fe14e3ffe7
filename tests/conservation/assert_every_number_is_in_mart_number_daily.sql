-- By day and role: calls of fact_calls whose caller or callee has an E.164 number = bids of
-- mart_number_daily.
with

calls as (
    select
        report_date,
        count(caller_e164) as callers,
        count(callee_e164) as callees
    from {{ ref('fact_calls') }}
    where {{ lately_reported() }}
    group by report_date
),

numbers as (
    select
        report_date,
        sum(case when role = 'caller' then bids else 0 end) as callers,
        sum(case when role = 'callee' then bids else 0 end) as callees
    from {{ ref('mart_number_daily') }}
    where {{ lately_reported() }}
    group by report_date
)

select
    coalesce(calls.report_date, numbers.report_date) as report_date,
    calls.callers as fact_callers,
    numbers.callers as mart_callers,
    calls.callees as fact_callees,
    numbers.callees as mart_callees
from calls
full outer join numbers
    on calls.report_date = numbers.report_date
where
    coalesce(calls.callers, 0) <> coalesce(numbers.callers, 0)
    or coalesce(calls.callees, 0) <> coalesce(numbers.callees, 0)
