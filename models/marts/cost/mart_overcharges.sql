{{ incremental_by_day() }}

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
    where {{ stale('report_date') }} and difference > 0
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
)

select * from final
