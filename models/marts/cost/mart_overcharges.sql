{{ incremental_by_day() }}

with

calls as (
    select
        call_key,
        call_type,
        application_key,
        destination_country,
        currency,
        duration_seconds,
        amount,
        is_answered,
        called_at,
        call_date,
        report_date
    from {{ ref('fact_calls') }}
    -- A rate card by country prices outgoing calls. Values beyond the bounds are not a real amount or
    -- duration.
    where
        {{ stale('report_date') }}
        and call_type = 'phone_terminated'
        and amount > 0
        and amount < 1000000000
        and (duration_seconds <= 1000000 or not is_answered)
        and destination_country in (select country from {{ ref('int_rate_card') }})
),

rate_card as (
    select
        application_key,
        country,
        currency,
        rounding,
        cast(round(cast(rate_per_minute as double) * 100000000) as bigint) as rate,
        {{ micros('connection_fee') }} as fee,
        {{ micros('unit') }} as unit,
        first_seconds,
        next_seconds,
        valid_from,
        next_valid_from
    from {{ ref('int_rate_card') }}
),

shared_rates as (
    select * from rate_card
    where application_key is null
),

-- The application's own row takes precedence over the row for every application.
matched as (
    select
        calls.*,
        coalesce(own.rounding, shared.rounding) as rounding,
        coalesce(own.rate, shared.rate) as rate,
        coalesce(own.fee, shared.fee) as fee,
        coalesce(own.unit, shared.unit) as unit,
        coalesce(own.first_seconds, shared.first_seconds) as first_seconds,
        coalesce(own.next_seconds, shared.next_seconds) as next_seconds
    from calls
    left join rate_card as own
        on
            calls.application_key = own.application_key
            and calls.destination_country = own.country
            and calls.currency = own.currency
            and calls.call_date >= own.valid_from
            and (own.next_valid_from is null or calls.call_date < own.next_valid_from)
    left join shared_rates as shared
        on
            calls.destination_country = shared.country
            and calls.currency = shared.currency
            and calls.call_date >= shared.valid_from
            and (shared.next_valid_from is null or calls.call_date < shared.next_valid_from)
),

billed as (
    select
        *,
        {{ billed_seconds('duration_seconds', 'first_seconds', 'next_seconds') }} as billed
    from matched
    where unit > 0
),

rated as (
    select
        *,
        case
            when is_answered and billed > 0
                -- in a weak currency a minute may cost millions of units
                then cast({{ rated_micros(wide('rate'), 'billed', 'unit', 'rounding') }} as bigint) + fee
            else 0
        end as expected
    from billed
),

final as (
    select
        call_key,
        call_type,
        application_key,
        destination_country,
        currency,
        duration_seconds,
        amount,
        {{ amount_of_micros('expected') }} as expected_amount,
        {{ amount_of_micros(micros('amount') ~ ' - expected') }} as overcharge,
        report_date,
        called_at
    from rated
    where 2 * ({{ micros('amount') }} - expected) > unit
)

select * from final
