-- The calls of every signal are in mart_signals, or counted under the exclusion that hides it.
with

found as (
    select
        rule,
        coalesce(sum(calls), 0) as calls
    from {{ ref('int_signals__found') }}
    group by rule
),

accounted as (
    select
        rule,
        calls
    from {{ ref('mart_signals') }}

    union all

    select
        rule,
        calls
    from {{ ref('int_signals__excluded') }}
),

summed as (
    select
        rule,
        coalesce(sum(calls), 0) as calls
    from accounted
    group by rule
)

select
    coalesce(found.rule, summed.rule) as rule,
    coalesce(found.calls, 0) as found_calls,
    coalesce(summed.calls, 0) as accounted_calls
from found
full outer join summed
    on found.rule = summed.rule
where coalesce(found.calls, 0) <> coalesce(summed.calls, 0)
