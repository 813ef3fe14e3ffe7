-- By month and currency: the overcharges of single calls add up to those of the months.
with

calls as (
    select
        {{ month_of('cast(called_at as date)') }} as month,
        currency,
        sum(overcharge) as overcharge
    from {{ ref('mart_overcharges') }}
    group by
        {{ month_of('cast(called_at as date)') }},
        currency
),

months as (
    select
        month,
        currency,
        sum(overcharge) as overcharge
    from {{ ref('mart_rerating_monthly') }}
    group by
        month,
        currency
    having sum(overcharge) > 0
)

select
    coalesce(calls.month, months.month) as month,
    coalesce(calls.currency, months.currency) as currency,
    calls.overcharge,
    months.overcharge as rerated_overcharge
from calls
full outer join months
    on calls.month = months.month and calls.currency = months.currency
where calls.overcharge is distinct from months.overcharge
