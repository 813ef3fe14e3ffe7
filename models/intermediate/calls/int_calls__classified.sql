with

calls as (
    select * from {{ ref('int_calls__located') }}
),

outcome_map as (
    select
        result,
        reason,
        outcome,
        is_contradictory
    from {{ ref('outcome_map') }}
),

outcomes as (
    select * from {{ ref('outcomes') }}
),

sip_reasons as (
    select
        concat(kind, '|', reason) as reason,
        answered_outcome,
        no_answer_outcome,
        failed_outcome
    from {{ ref('sip_reasons') }}
),

-- A busy call stays busy, whatever its SIP reason.
sip_outcomes as (
    select
        'ANSWERED' as result,
        reason,
        answered_outcome as outcome
    from sip_reasons
    union all
    select
        'NOANSWER' as result,
        reason,
        no_answer_outcome as outcome
    from sip_reasons
    union all
    select
        'FAILED' as result,
        reason,
        failed_outcome as outcome
    from sip_reasons
),

-- Only SIP calls have free-text reasons.
read as (
    select
        *,
        case when call_type = 'sip_terminated' then {{ sip_reason_code('reason') }} end as sip_code,
        case
            when call_type = 'sip_terminated' then concat('phrase|', {{ sip_reason_phrase('reason') }})
        end as sip_phrase
    from calls
),

-- The first match counts: the exact pair; a reason whatever the result, unless it is an answer; the code,
-- then the phrase of a SIP reason; a result whatever the reason.
mapped as (
    select
        calls.*,
        coalesce(
            exact_pair.outcome,
            any_result.outcome,
            by_code.outcome,
            by_phrase.outcome,
            any_reason.outcome,
            neither.outcome
        ) as outcome,
        coalesce(
            exact_pair.is_contradictory,
            any_result.is_contradictory,
            case when coalesce(by_code.outcome, by_phrase.outcome) is not null then false end,
            any_reason.is_contradictory,
            neither.is_contradictory
        ) as is_contradictory,
        by_phrase.outcome is not null as is_sip_phrase
    from read as calls
    left join outcome_map as exact_pair
        on calls.result = exact_pair.result and calls.reason = exact_pair.reason
    left join outcome_map as any_result
        on
            calls.reason = any_result.reason
            and any_result.result = '*'
            and any_result.reason <> '*'
            and coalesce(calls.result, '') <> 'ANSWERED'
    left join sip_outcomes as by_code
        on calls.result = by_code.result and calls.sip_code = by_code.reason
    left join sip_outcomes as by_phrase
        on calls.result = by_phrase.result and calls.sip_phrase = by_phrase.reason
    left join outcome_map as any_reason
        on calls.result = any_reason.result and any_reason.reason = '*'
    left join outcome_map as neither
        on neither.result = '*' and neither.reason = '*'
),

classified as (
    select
        mapped.*,
        outcomes.outcome_side,
        outcomes.is_answered,
        outcomes.is_seizure,
        outcomes.is_network_effective,
        outcomes.is_abandoned
    from mapped
    inner join outcomes
        on mapped.outcome = outcomes.outcome
)

select * from classified
