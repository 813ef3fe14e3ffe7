{{ incremental_by_day() }}

with

pairs as (
    select
        call_type,
        application_key,
        destination_country,
        zone,
        currency,
        duration_seconds,
        amount,
        calls,
        unit,
        group_calls,
        report_date
    from {{ ref('int_tariffs__zone_pairs') }}
    where {{ stale('report_date') }}
),

{{ sampled_tariffs(zones=true) }}

select * from final
