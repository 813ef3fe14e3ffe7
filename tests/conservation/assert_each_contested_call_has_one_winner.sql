-- Exactly one of a call's records represents it; that one is in fact_calls and the others are not.
with

contested as (
    select
        contested.call_type,
        contested.call_id,
        contested.role,
        calls.call_key is not null as is_in_fact
    from {{ ref('int_calls__contested') }} as contested
    left join {{ ref('fact_calls') }} as calls
        on contested.file_id = calls.file_id and contested.source_line = calls.source_line
)

select
    call_type,
    call_id
from contested
group by
    call_type,
    call_id
having
    count(*) filter (where role = 'winner') <> 1
    or count(*) filter (where is_in_fact) <> 1
    or count(*) filter (where is_in_fact and role = 'winner') <> 1
