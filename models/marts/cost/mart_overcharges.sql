{{ config(materialized='table') }}

with

overcharged as (
    select
        call_key,
        call_type,
        application_key,
        destination_country,
        currency,
        rate_prefix,
        rate_number_type,
        increment,
        duration_seconds,
        amount,
        expected_amount,
        difference,
        rate_per_minute,
        report_date,
        called_at
    from {{ ref('int_rerating__calls') }}
    where difference > 0
),

gaps as (
    select call_key
    from {{ ref('int_rate_card_gaps') }}
),

final as (
    select
        call_key,
        call_type,
        application_key,
        destination_country,
        currency,
        rate_prefix,
        rate_number_type,
        increment,
        duration_seconds,
        amount,
        cast(expected_amount as decimal(18, 6)) as expected_amount,
        cast(difference as decimal(18, 6)) as overcharge,
        rate_per_minute,
        report_date,
        called_at
    from overcharged
    where call_key not in (select call_key from gaps)
)

select * from final
