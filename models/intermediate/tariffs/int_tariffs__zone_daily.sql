{{ incremental_by_day() }}

with

calls as (
    select
        call_type,
        application_key,
        destination_country,
        coalesce(number_type, 'none') as zone,
        currency,
        duration_seconds,
        amount,
        report_date
    from {{ ref('fact_calls') }}
    where
        {{ stale('report_date') }}
        and {{ shows_a_tariff() }}
),

{{ tariffs_of_day(ref('int_tariffs__zone_sampled'), zones=true) }}

select * from final
