{{ incremental_by_day() }}

with

pairs as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        duration_seconds,
        amount,
        calls,
        unit,
        group_calls,
        report_date
    from {{ ref('int_tariffs__pairs') }}
    where {{ stale('report_date') }}
),

{{ sampled_tariffs() }}

select * from final
