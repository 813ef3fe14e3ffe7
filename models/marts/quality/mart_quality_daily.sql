{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        call_type,
        destination_country,
        result,
        outcome,
        outcome_side,
        is_answered,
        is_seizure,
        is_network_effective,
        is_abandoned,
        duration_seconds,
        answer_delay_seconds,
        report_date
    from {{ ref('fact_calls') }}
    where {{ stale('report_date') }}
),

counted as (
    select
        report_date,
        call_type,
        application_key,
        destination_country,
        {{ quality_counts() }},
        percentile_cont(0.5) within group (order by answer_delay_seconds) as answer_delay_p50_seconds,
        percentile_cont(0.95) within group (order by answer_delay_seconds) as answer_delay_p95_seconds
    from calls
    group by
        report_date,
        call_type,
        application_key,
        destination_country
),

final as (
    select
        report_date,
        call_type,
        application_key,
        destination_country,
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
        {{ quality_ratios(['abr', 'asr', 'ner', 'ner_excl_abandoned', 'aloc_seconds']) }},
        cast(talk_seconds as double) / 60 as minutes,
        answer_delay_p50_seconds,
        answer_delay_p95_seconds,
        {{ quality_ratios(['short_call_ratio', 'drop_ratio', 'network_failure_ratio', 'failed_ratio']) }}
    from counted
)

select * from final
