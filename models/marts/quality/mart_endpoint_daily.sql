{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        caller_host,
        callee_host,
        outcome_side,
        duration_seconds,
        is_answered,
        is_seizure,
        is_network_effective,
        report_date
    from {{ ref('fact_calls') }}
    where {{ stale('report_date') }} and call_type = 'sip_terminated'
),

roles as (
    select
        application_key,
        'caller' as role,
        caller_host as endpoint,
        outcome_side,
        duration_seconds,
        is_answered,
        is_seizure,
        is_network_effective,
        report_date
    from calls
    union all
    select
        application_key,
        'callee' as role,
        callee_host as endpoint,
        outcome_side,
        duration_seconds,
        is_answered,
        is_seizure,
        is_network_effective,
        report_date
    from calls
),

counted as (
    select
        report_date,
        application_key,
        role,
        endpoint,
        {{ quality_counts([
            'bids', 'seizures', 'answers', 'network_effective', 'timed_answers', 'talk_seconds', 'network_failures'
        ]) }},
        count(*) filter (where not is_answered and outcome_side = 'called_party') as called_party_failures,
        count(*) filter (where not is_answered and outcome_side = 'calling_party') as calling_party_failures,
        count(*) filter (
            where not is_answered and outcome_side not in ('network', 'called_party', 'calling_party')
        ) as other_failures
    from roles
    group by
        report_date,
        application_key,
        role,
        endpoint
),

final as (
    select
        report_date,
        application_key,
        role,
        endpoint,
        bids,
        seizures,
        answers,
        network_effective,
        timed_answers,
        talk_seconds,
        network_failures,
        called_party_failures,
        calling_party_failures,
        other_failures,
        {{ quality_ratios(['asr', 'ner', 'aloc_seconds']) }}
    from counted
)

select * from final
