{{ config(materialized='table') }}

with

days as (
    select
        application_key,
        destination_country,
        currency,
        calls,
        priced_calls,
        amount,
        priced_amount,
        expected_amount,
        overcharge,
        undercharge,
        {{ month_of('call_date') }} as month
    from {{ ref('int_rerating__daily') }}
),

months as (
    select
        month,
        application_key,
        destination_country,
        currency,
        {{ whole('sum(calls)') }} as calls,
        {{ whole('sum(priced_calls)') }} as priced_calls,
        sum(amount) as amount,
        sum(priced_amount) as priced_amount,
        sum(expected_amount) as expected_amount,
        sum(overcharge) as overcharge,
        sum(undercharge) as undercharge
    from days
    group by
        month,
        application_key,
        destination_country,
        currency
),

final as (
    select
        month,
        application_key,
        destination_country,
        currency,
        calls,
        priced_calls,
        calls - priced_calls as unpriced_calls,
        cast(amount as decimal(38, 6)) as amount,
        cast(expected_amount as decimal(38, 6)) as expected_amount,
        cast(overcharge as decimal(38, 6)) as overcharge,
        cast(undercharge as decimal(38, 6)) as undercharge,
        cast(
            case when calls > priced_calls then amount - coalesce(priced_amount, 0) end as decimal(38, 6)
        ) as unpriced_amount
    from months
)

select * from final
