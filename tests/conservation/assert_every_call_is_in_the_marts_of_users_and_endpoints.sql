-- By day: calls of fact_calls = bids of callers in mart_user_daily, app_app calls = bids of users called; SIP
-- calls = bids of mart_endpoint_daily, for callers and for callees.
with

calls as (
    select
        report_date,
        count(*) as calls,
        count(*) filter (where call_type = 'app_app') as app_calls,
        count(*) filter (where call_type = 'sip_terminated') as sip_calls
    from {{ ref('fact_calls') }}
    where {{ lately_reported() }}
    group by report_date
),

users as (
    select
        report_date,
        sum(case when role = 'caller' then bids else 0 end) as callers,
        sum(case when role = 'callee' then bids else 0 end) as callees
    from {{ ref('mart_user_daily') }}
    where {{ lately_reported() }}
    group by report_date
),

endpoints as (
    select
        report_date,
        sum(case when role = 'caller' then bids else 0 end) as callers,
        sum(case when role = 'callee' then bids else 0 end) as callees
    from {{ ref('mart_endpoint_daily') }}
    where {{ lately_reported() }}
    group by report_date
)

select
    coalesce(calls.report_date, users.report_date, endpoints.report_date) as report_date,
    calls.calls,
    users.callers,
    calls.app_calls,
    users.callees,
    calls.sip_calls,
    endpoints.callers as calling_endpoints,
    endpoints.callees as called_endpoints
from calls
full outer join users
    on calls.report_date = users.report_date
full outer join endpoints
    on coalesce(calls.report_date, users.report_date) = endpoints.report_date
where
    coalesce(calls.calls, 0) <> coalesce(users.callers, 0)
    or coalesce(calls.app_calls, 0) <> coalesce(users.callees, 0)
    or coalesce(calls.sip_calls, 0) <> coalesce(endpoints.callers, 0)
    or coalesce(calls.sip_calls, 0) <> coalesce(endpoints.callees, 0)
