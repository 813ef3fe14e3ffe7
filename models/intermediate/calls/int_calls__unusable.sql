{{ incremental_by_file() }}

with

unusable as (
    select
        file_id,
        source_line,
        case
            when call_id is null then 'missing_call_id'
            when invalid_fields like '%call_time%' then 'unreadable_call_time'
            else 'missing_call_time'
        end as reason_code
    from {{ ref('int_calls__unioned') }}
    where key_hash is null and {{ stale('file_id') }}
),

records as (
    select
        file_id,
        source_line,
        record_text
    from {{ ref('stg_sinch__records') }}
    where {{ stale('file_id') }} and file_id in (select file_id from unusable)
),

final as (
    select
        unusable.file_id,
        unusable.source_line,
        unusable.reason_code,
        replace(records.record_text, chr(31), ';') as raw
    from unusable
    inner join records
        on unusable.file_id = records.file_id and unusable.source_line = records.source_line
)

select * from final
