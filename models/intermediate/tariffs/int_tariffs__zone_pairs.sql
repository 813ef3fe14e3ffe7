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

typed as (
    select
        calls.call_type,
        calls.application_key,
        calls.destination_country,
        coalesce(calls.number_type, 'none') as zone,
        calls.currency,
        calls.duration_seconds,
        calls.amount,
        calls.report_date
    from {{ ref('fact_calls') }} as calls
    inner join unexplained
        on
            calls.report_date = unexplained.report_date
            and {{ same_tariff_group('calls', 'unexplained') }}
    where
        {{ stale('calls.report_date') }}
        and {{ shows_a_tariff('calls') }}
        -- Without a type, digits are what a zone is called by.
        and (calls.number_type is not null or {{ has_digits_behind_code('calls.callee_e164') }})
),

several as (
    select
        *,
        min(zone) over of_group < max(zone) over of_group as has_zones
    from typed
    window of_group as (partition by report_date, {{ columns_of_group() }})
),

calls as (
    select * from several
    where has_zones
),

{{ most_common_pairs(zones=true) }}

select * from final
