-- Calls and money per currency: users add up to fact_calls, including calls without a user.
with

calls as (
    select
        currency,
        count(*) as calls,
        sum(amount) as amount
    from {{ ref('fact_calls') }}
    where {{ lately_reported() }}
    group by currency
),

mart as (
    select
        currency,
        sum(calls) as calls,
        sum(amount) as amount
    from {{ ref('mart_user_spend_daily') }}
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
