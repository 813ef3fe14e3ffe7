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
        count(*) as bids,
        count(*) filter (where is_seizure) as seizures,
        count(*) filter (where is_answered) as answers,
        count(*) filter (where is_network_effective) as network_effective,
        count(*) filter (where is_abandoned) as abandoned,
        count(*) filter (where is_answered and duration_seconds is not null) as timed_answers,
        {{ whole('sum(duration_seconds) filter (where is_answered)') }} as talk_seconds,
        count(*) filter (
            where is_answered and duration_seconds <= {{ var('short_call_seconds') }}
        ) as short_calls,
        count(*) filter (
            where is_answered and outcome in ('cut_no_credit', 'dropped_error')
        ) as drops,
        count(*) filter (where not is_answered and outcome_side = 'network') as network_failures,
        count(*) filter (where result = 'FAILED') as failed,
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
        {{ ratio('answers', 'bids') }} as abr,
        {{ ratio('answers', 'seizures') }} as asr,
        {{ ratio('network_effective', 'seizures') }} as ner,
        {{ ratio('network_effective - abandoned', 'seizures - abandoned') }} as ner_excl_abandoned,
        {{ ratio('talk_seconds', 'timed_answers') }} as aloc_seconds,
        cast(talk_seconds as double) / 60 as minutes,
        answer_delay_p50_seconds,
        answer_delay_p95_seconds,
        {{ ratio('short_calls', 'timed_answers') }} as short_call_ratio,
        {{ ratio('drops', 'answers') }} as drop_ratio,
        {{ ratio('network_failures', 'bids') }} as network_failure_ratio,
        {{ ratio('failed', 'bids') }} as failed_ratio
    from counted
)

select * from final
