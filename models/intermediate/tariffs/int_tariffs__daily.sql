{{ incremental_by_day() }}

with

calls as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        duration_seconds,
        amount,
        report_date
    from {{ ref('fact_calls') }}
    where
        {{ stale('report_date') }}
        and {{ shows_a_tariff() }}
),

{{ tariffs_of_day(ref('int_tariffs__sampled')) }}

select * from final
