{{ incremental_by_day() }}

with

unexplained as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        report_date
    from {{ ref('int_tariffs__daily') }}
    where
        {{ stale('report_date') }}
        and explained_calls < {{ var('rate_min_explained_share') }} * calls
),

final as (
    select
        calls.call_type,
        calls.application_key,
        calls.destination_country,
        coalesce(calls.number_type, 'none') as zone,
        calls.currency,
        {{ digits_behind_code('calls.callee_e164') }} as digits,
        count(*) as calls,
        calls.report_date
    from {{ ref('fact_calls') }} as calls
    inner join unexplained
        on
            calls.report_date = unexplained.report_date
            and {{ same_tariff_group('calls', 'unexplained') }}
    where
        {{ stale('calls.report_date') }}
        and {{ shows_a_tariff('calls') }}
        and {{ has_digits_behind_code('calls.callee_e164') }}
    group by
        calls.call_type,
        calls.application_key,
        calls.destination_country,
        coalesce(calls.number_type, 'none'),
        calls.currency,
        {{ digits_behind_code('calls.callee_e164') }},
        calls.report_date
)

select * from final
