{{
    config(
        materialized='incremental',
        incremental_strategy=replacing_strategy(),
        partition_by=partition_column('report_date'),
        on_schema_change='fail',
        meta={'follows_vars': ['reporting_timezone']},
        pre_hook=["{{ log_reset() }}", "{{ delete_changed_days() }}"],
        post_hook=[
            "{{ log_days() }}",
            "{{ log_settings() }}",
        ],
    )
}}

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
    where {{ on_changed_days() }}
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
        is_answered,
        calls,
        {{ whole('sum(calls) over of_application') }} as bids,
        {{ ratio('calls', 'sum(calls) over of_application') }} as share
    from counted
    window of_application as (partition by report_date, call_type, application_key)
)

select * from final
