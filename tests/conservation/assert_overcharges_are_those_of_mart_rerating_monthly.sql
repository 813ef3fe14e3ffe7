-- By application, country and currency: overcharges of single calls and of gaps of the card add up to those
-- of the months.
with

charged_too_much as (
    select
        application_key,
        destination_country,
        currency,
        overcharge
    from {{ ref('mart_overcharges') }}
    union all
    select
        application_key,
        destination_country,
        currency,
        overcharge
    from {{ ref('mart_rate_card_gaps') }}
),

calls_and_gaps as (
    select
        application_key,
        destination_country,
        currency,
        sum(overcharge) as overcharge
    from charged_too_much
    group by
        application_key,
        destination_country,
        currency
    having sum(overcharge) > 0
),

months as (
    select
        application_key,
        destination_country,
        currency,
        sum(overcharge) as overcharge
    from {{ ref('mart_rerating_monthly') }}
    group by
        application_key,
        destination_country,
        currency
    having sum(overcharge) > 0
)

select
    coalesce(calls_and_gaps.application_key, months.application_key) as application_key,
    coalesce(calls_and_gaps.destination_country, months.destination_country) as destination_country,
    coalesce(calls_and_gaps.currency, months.currency) as currency,
    calls_and_gaps.overcharge,
    months.overcharge as rerated_overcharge
from calls_and_gaps
full outer join months
    on
        calls_and_gaps.currency = months.currency
        and coalesce(calls_and_gaps.application_key, '') = coalesce(months.application_key, '')
        and coalesce(calls_and_gaps.destination_country, '') = coalesce(months.destination_country, '')
where calls_and_gaps.overcharge is distinct from months.overcharge
