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

{{ most_common_pairs() }}

select * from final
