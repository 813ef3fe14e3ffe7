{{
    config(
        materialized='incremental',
        incremental_strategy=replacing_strategy(),
        partition_by=partition_column('report_date'),
        on_schema_change='fail',
        meta={'follows_vars': ['reporting_timezone', 'short_call_seconds']},
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
        destination_country,
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
    where {{ on_changed_days() }}
),

counted as (
    select
        report_date,
        call_type,
        application_key,
        destination_country,
        count(*) as bids,
        count(*) filter (where is_seizure) as seizures,
        count(*) filter (where is_answered) as answers,
        count(*) filter (where is_network_effective) as network_effective,
        count(*) filter (where is_seizure and not is_abandoned) as seizures_not_abandoned,
        count(*) filter (where is_network_effective and not is_abandoned) as effective_not_abandoned,
        coalesce(sum(duration_seconds) filter (where is_answered), 0) as answered_seconds,
        count(*) filter (
            where is_answered and duration_seconds <= {{ var('short_call_seconds') }}
        ) as short_answers,
        count(*) filter (
            where is_answered and outcome in ('cut_no_credit', 'dropped_error')
        ) as dropped_answers,
        count(*) filter (where outcome_side = 'network') as network_failures,
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
        {{ ratio('answers', 'bids') }} as abr,
        {{ ratio('answers', 'seizures') }} as asr,
        {{ ratio('network_effective', 'seizures') }} as ner,
        {{ ratio('effective_not_abandoned', 'seizures_not_abandoned') }} as ner_excl_abandoned,
        {{ ratio('answered_seconds', 'answers') }} as aloc_seconds,
        cast(answered_seconds as double) / 60 as minutes,
        answer_delay_p50_seconds,
        answer_delay_p95_seconds,
        {{ ratio('short_answers', 'answers') }} as short_call_ratio,
        {{ ratio('dropped_answers', 'answers') }} as drop_ratio,
        {{ ratio('network_failures', 'bids') }} as failure_ratio
    from counted
)

select * from final
