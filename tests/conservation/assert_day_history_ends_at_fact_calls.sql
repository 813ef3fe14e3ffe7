-- Calls and money by UTC day: what intermediate.day_history adds up to is fact_calls, and where a day was
-- changed, so does the last row of mart_restatements for each application and currency.
with

calls as (
    select
        call_date as day,
        count(*) as calls,
        coalesce(sum(amount), 0) as amount
    from {{ ref('int_calls__clear') }}
    group by call_date
),

history as (
    select
        day,
        sum(calls) as calls,
        sum(amount) as amount
    from {{ ref('int_day_history') }}
    group by day
),

ranked as (
    select
        *,
        row_number() over (partition by day, application_key, currency order by changed_at desc) as place
    from {{ ref('mart_restatements') }}
),

shown as (
    select
        call_date as day,
        application_key,
        currency,
        count(*) as calls,
        sum(amount) as amount
    from {{ ref('fact_calls') }}
    group by
        call_date,
        application_key,
        currency
)

select
    'day_history' as kept_in,
    coalesce(calls.day, history.day) as day,
    calls.calls,
    history.calls as kept_calls
from calls
full outer join history
    on calls.day = history.day
where
    coalesce(calls.calls, 0) <> coalesce(history.calls, 0)
    or coalesce(calls.amount, 0) <> coalesce(history.amount, 0)

union all

select
    'mart_restatements' as kept_in,
    ranked.day,
    shown.calls,
    ranked.calls as kept_calls
from ranked
left join shown
    on
        ranked.day = shown.day
        and coalesce(ranked.application_key, '') = coalesce(shown.application_key, '')
        and coalesce(ranked.currency, '') = coalesce(shown.currency, '')
where
    ranked.place = 1
    and (
        ranked.calls <> coalesce(shown.calls, 0)
        or coalesce(ranked.amount, 0) <> coalesce(shown.amount, 0)
    )
