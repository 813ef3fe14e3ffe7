{{ config(materialized='table') }}

with

gaps as (
    select
        *,
        count(*) over (
            partition by application_key, destination_country, zone, currency, valid_from, rate_row
        ) as row_calls
    from {{ ref('int_rate_card_gaps') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by application_key, destination_country, zone, currency, valid_from
            order by row_calls desc, rate_row asc, call_key asc
        ) as place
    from gaps
),

-- A tariff that contradicts several rows is one gap, with the row of most calls.
final as (
    select
        application_key,
        destination_country,
        zone,
        currency,
        valid_from,
        increment,
        rounding,
        max(case when place = 1 then rate_prefix end) as rate_prefix,
        max(case when place = 1 then rate_number_type end) as rate_number_type,
        count(*) as calls,
        cast(sum(amount) as decimal(38, 6)) as amount,
        cast(sum(expected_amount) as decimal(38, 6)) as expected_amount,
        cast(sum(case when difference > 0 then difference else 0 end) as decimal(38, 6)) as overcharge,
        rate_per_minute,
        connection_fee,
        valid_to
    from ranked
    group by
        application_key,
        destination_country,
        zone,
        currency,
        valid_from,
        increment,
        rounding,
        rate_per_minute,
        connection_fee,
        valid_to
)

select * from final
