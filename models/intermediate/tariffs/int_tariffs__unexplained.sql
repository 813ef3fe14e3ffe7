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
        {{ columns_of_group(relation='calls') }},
        calls.number_type,
        {{ digits_behind_code('calls.callee_e164') }} as digits,
        calls.origin_country,
        calls.duration_seconds,
        {{ micros('calls.amount') }} as amount,
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
    group by
        {{ columns_of_group(relation='calls') }},
        calls.number_type,
        {{ digits_behind_code('calls.callee_e164') }},
        calls.origin_country,
        calls.duration_seconds,
        {{ micros('calls.amount') }},
        calls.report_date
)

select * from final
