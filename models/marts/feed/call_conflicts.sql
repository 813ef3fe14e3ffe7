with

conflicts as (
    select
        file_id,
        source_line as line,
        md5(concat_ws('|', call_type, call_id)) as call_key,
        winner_file_id,
        winner_line,
        differing_fields
    from {{ ref('int_calls__contested') }}
    where role = 'conflict'
)

select * from conflicts
