{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        key,
        value,
        result,
        outcome,
        outcome_side,
        is_answered,
        is_seizure,
        is_network_effective,
        is_abandoned,
        duration_seconds,
        report_date
    from {{ ref('int_calls__custom') }}
    where {{ stale('report_date') }}
),

counted as (
    select
        report_date,
        application_key,
        key,
        value,
        {{ quality_counts() }}
    from calls
    group by
        report_date,
        application_key,
        key,
        value
),

final as (
    select
        report_date,
        application_key,
        key,
        value,
        bids,
        seizures,
        answers,
        network_effective,
        abandoned,
        timed_answers,
        talk_seconds,
        short_calls,
        drops,
        network_failures,
        failed,
        {{ quality_ratios() }}
    from counted
)

select * from final
