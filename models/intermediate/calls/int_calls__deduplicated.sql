with

calls as (
    select * from {{ ref('int_calls__classified') }}
),

losers as (
    select
        file_id,
        source_line
    from {{ ref('int_calls__contested') }}
    where role <> 'winner'
),

deduplicated as (
    select calls.*
    from calls
    left join losers
        on calls.file_id = losers.file_id and calls.source_line = losers.source_line
    where losers.file_id is null
)

select * from deduplicated
