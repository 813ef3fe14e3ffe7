-- By day: phone and SIP calls of fact_calls = bids of mart_number_daily, for callers and for callees.
with

calls as (
    select
        report_date,
        count(*) as calls
    from {{ ref('fact_calls') }}
    where {{ lately_reported() }} and call_type <> 'app_app'
    group by report_date
),

parties as (
    select
        report_date,
        sum(case when role = 'caller' then bids else 0 end) as callers,
        sum(case when role = 'callee' then bids else 0 end) as callees
    from {{ ref('mart_number_daily') }}
    where {{ lately_reported() }}
    group by report_date
)

select
    coalesce(calls.report_date, parties.report_date) as report_date,
    calls.calls,
    parties.callers,
    parties.callees
from calls
full outer join parties
    on calls.report_date = parties.report_date
where
    coalesce(calls.calls, 0) <> coalesce(parties.callers, 0)
    or coalesce(calls.calls, 0) <> coalesce(parties.callees, 0)
