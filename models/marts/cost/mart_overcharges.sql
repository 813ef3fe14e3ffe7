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
        rate_row,
        duration_seconds,
        amount,
        expected_amount,
        difference,
        rate_per_minute,
        {{ shows_a_tariff() }} as shows_a_tariff,
        report_date,
        called_at
    from {{ ref('int_rerating__calls') }}
    where difference > 0
),

gaps as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        rate_row,
        valid_from,
        valid_to
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
    where
        not exists (
            select 1
            from gaps
            where
                overcharged.shows_a_tariff
                and overcharged.rate_row = gaps.rate_row
                and {{ same_tariff_group('overcharged', 'gaps') }}
                and overcharged.report_date between gaps.valid_from and gaps.valid_to
        )
)

select * from final
