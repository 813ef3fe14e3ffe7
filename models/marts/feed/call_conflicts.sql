with

contested as (
    select
        file_id,
        source_line,
        winner_file_id,
        winner_line,
        call_type,
        call_id
    from {{ ref('int_calls__contested') }}
    where role = 'conflict'
),

losers as (
    select * from {{ ref('stg_sinch__records') }}
),

winners as (
    select * from {{ ref('stg_sinch__records') }}
),

final as (
    select
        contested.file_id,
        contested.source_line as line,
        md5(concat_ws('|', contested.call_type, contested.call_id)) as call_key,
        contested.winner_file_id,
        contested.winner_line,
        {{ differing_fields('losers', 'winners') }} as differing_fields
    from contested
    inner join losers
        on contested.file_id = losers.file_id and contested.source_line = losers.source_line
    inner join winners
        on contested.winner_file_id = winners.file_id and contested.winner_line = winners.source_line
)

select * from final
