with

calls as (
    select * from {{ ref('int_calls__deduplicated') }}
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

-- The first match counts: the exact pair; a reason whatever the result, unless it is an answer; a result
-- whatever the reason.
mapped as (
    select
        calls.*,
        coalesce(exact_pair.outcome, any_result.outcome, any_reason.outcome, neither.outcome) as outcome,
        coalesce(
            exact_pair.is_contradictory,
            any_result.is_contradictory,
            any_reason.is_contradictory,
            neither.is_contradictory
        ) as is_contradictory
    from calls
    left join outcome_map as exact_pair
        on calls.result = exact_pair.result and calls.reason = exact_pair.reason
    left join outcome_map as any_result
        on
            calls.reason = any_result.reason
            and any_result.result = '*'
            and any_result.reason <> '*'
            and coalesce(calls.result, '') <> 'ANSWERED'
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
