-- Money per currency: int_amounts__daily equals fact_calls, and the account of mart_invoice_reconciliation
-- equals int_amounts__daily, by UTC month.
with

calls as (
    select
        {{ month_of('call_date') }} as month,
        currency,
        sum(amount) as amount
    from {{ ref('fact_calls') }}
    where {{ lately_reported() }}
    group by
        {{ month_of('call_date') }},
        currency
),

lately as (
    select
        {{ month_of('call_date') }} as month,
        currency,
        sum(amount) as amount
    from {{ ref('int_amounts__daily') }}
    where {{ lately_reported() }}
    group by
        {{ month_of('call_date') }},
        currency
),

days as (
    select
        {{ month_of('call_date') }} as month,
        currency,
        sum(amount) as amount
    from {{ ref('int_amounts__daily') }}
    group by
        {{ month_of('call_date') }},
        currency
),

accounts as (
    select
        month,
        currency,
        cdr_amount as amount
    from {{ ref('mart_invoice_reconciliation') }}
    where scope = 'account'
),

compared as (
    select
        coalesce(calls.month, lately.month) as month,
        coalesce(calls.currency, lately.currency) as currency,
        calls.amount as expected_amount,
        lately.amount as found_amount
    from calls
    full outer join lately
        on
            calls.month = lately.month
            and coalesce(calls.currency, '') = coalesce(lately.currency, '')
    union all
    select
        coalesce(days.month, accounts.month) as month,
        coalesce(days.currency, accounts.currency) as currency,
        days.amount as expected_amount,
        accounts.amount as found_amount
    from days
    full outer join accounts
        on
            days.month = accounts.month
            and coalesce(days.currency, '') = coalesce(accounts.currency, '')
)

select * from compared
where expected_amount is distinct from found_amount
