-- Money per currency and call: the mart equals fact_calls exactly. Detects a join that multiplies rows.
with

calls as (
    select
        currency,
        count(*) as calls,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting
    from {{ ref('fact_calls') }}
    where {{ lately_reported() }}
    group by currency
),

mart as (
    select
        currency,
        sum(calls) as calls,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting
    from {{ ref('mart_cost_daily') }}
    where {{ lately_reported() }}
    group by currency
)

select
    coalesce(calls.currency, mart.currency) as currency,
    calls.calls as fact_calls,
    mart.calls as mart_calls,
    calls.amount as fact_amount,
    mart.amount as mart_amount
from calls
full outer join mart
    on coalesce(calls.currency, '') = coalesce(mart.currency, '')
where
    calls.calls is distinct from mart.calls
    or calls.amount is distinct from mart.amount
    or calls.amount_reporting is distinct from mart.amount_reporting
