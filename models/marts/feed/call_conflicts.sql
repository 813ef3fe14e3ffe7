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

records as (
    select * from {{ ref('stg_sinch__records') }}
),

final as (
    select
        contested.file_id,
        contested.source_line as line,
        md5(concat_ws('|', contested.call_type, contested.call_id)) as call_key,
        contested.winner_file_id,
        contested.winner_line,
        {{ differing_fields('loser', 'winner') }} as differing_fields
    from contested
    inner join records as loser
        on contested.file_id = loser.file_id and contested.source_line = loser.source_line
    inner join records as winner
        on contested.winner_file_id = winner.file_id and contested.winner_line = winner.source_line
)

select * from final
