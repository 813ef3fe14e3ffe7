with

load_rejects as (
    select
        file_id,
        source_line,
        reason_code,
        detail,
        raw
    from {{ ref('stg_sinch__rejected_records') }}
),

unusable as (
    select
        file_id,
        source_line,
        reason_code
    from {{ ref('int_calls__unusable') }}
),

records as (
    select
        file_id,
        source_line,
        record_text
    from {{ ref('stg_sinch__records') }}
),

typing_rejects as (
    select
        unusable.file_id,
        unusable.source_line,
        unusable.reason_code,
        case unusable.reason_code
            when 'missing_call_id' then 'The record has no CallId, so it identifies no call.'
            when 'unreadable_call_time'
                then 'CallTime is not an ISO 8601 date and time, so the call has no day.'
            else 'The record has no CallTime, so the call has no day.'
        end as detail,
        replace(records.record_text, chr(31), ';') as raw
    from unusable
    inner join records
        on unusable.file_id = records.file_id and unusable.source_line = records.source_line
),

final as (
    select
        file_id,
        source_line as line,
        'load' as stage,
        reason_code,
        detail,
        {{ personal('raw', free_text=true) }} as raw
    from load_rejects
    union all
    select
        file_id,
        source_line as line,
        'typing' as stage,
        reason_code,
        detail,
        {{ personal('raw', free_text=true) }} as raw
    from typing_rejects
)

select * from final
