with

contenders as (
    select * from {{ ref('int_calls__contenders') }}
    where {{ is_in_both('file_id') }}
),

ranked as (
    select
        *,
        count(*) over (partition by key_hash, call_type, call_id) as contenders,
        row_number() over among_equals as rank_among_equals,
        row_number() over of_all as rank_of_all
    from contenders
    window
        of_all as (partition by key_hash, call_type, call_id order by {{ newest_first() }}),
        among_equals as (partition by key_hash, call_type, call_id, record_text order by {{ newest_first() }})
),

contested as (
    select
        *,
        case
            when rank_of_all = 1 then 'winner'
            when rank_among_equals > 1 then 'exact_duplicate'
            else 'conflict'
        end as role
    from ranked
    where contenders > 1
),

winners as (
    select
        file_id,
        source_line,
        key_hash,
        call_type,
        call_id,
        record_text,
        amount
    from contested
    where role = 'winner'
),

final as (
    select
        contested.file_id,
        contested.source_line,
        contested.key_hash,
        contested.call_id,
        contested.call_type,
        winners.file_id as winner_file_id,
        winners.source_line as winner_line,
        contested.role,
        case
            when contested.role = 'conflict'
                then {{
                    differing_fields('contested.record_text', 'winners.record_text', 'contested.call_type')
                }}
        end as differing_fields,
        contested.currency,
        contested.amount,
        winners.amount as winner_amount,
        contested.call_date
    from contested
    inner join winners
        on
            contested.key_hash = winners.key_hash
            and contested.call_type = winners.call_type
            and contested.call_id = winners.call_id
)

select * from final
