{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        call_type,
        result,
        reason,
        outcome,
        outcome_side,
        is_answered,
        report_date
    from {{ ref('fact_calls') }}
    where {{ stale('report_date') }}
),

counted as (
    select
        report_date,
        call_type,
        application_key,
        result,
        reason,
        outcome,
        outcome_side,
        is_answered,
        count(*) as calls
    from calls
    group by
        report_date,
        call_type,
        application_key,
        result,
        reason,
        outcome,
        outcome_side,
        is_answered
),

final as (
    select
        report_date,
        call_type,
        application_key,
        result,
        reason,
        outcome,
        outcome_side,
        calls,
        {{ whole('sum(calls) over of_application') }} as day_bids,
        {{ ratio('calls', 'sum(calls) over of_application') }} as share,
        is_answered
    from counted
    window of_application as (partition by report_date, call_type, application_key)
)

select * from final
