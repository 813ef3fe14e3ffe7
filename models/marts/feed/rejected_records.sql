with

files as (
    select
        file_id,
        file_name,
        file_date
    from {{ ref('stg_sinch__files') }}
),

load_rejects as (
    select
        file_id,
        source_line,
        reason_code,
        detail,
        raw
    from {{ ref('stg_sinch__rejected_records') }}
),

typing_rejects as (
    select
        file_id,
        source_line,
        reason_code,
        case reason_code
            when 'missing_call_id' then 'The record has no CallId, so it identifies no call.'
            when 'unreadable_call_time'
                then 'CallTime is not an ISO 8601 date and time, so the call has no day.'
            else 'The record has no CallTime, so the call has no day.'
        end as detail,
        raw
    from {{ ref('int_calls__unusable') }}
),

rejects as (
    select
        file_id,
        source_line,
        'load' as stage,
        reason_code,
        detail,
        raw
    from load_rejects
    union all
    select
        file_id,
        source_line,
        'typing' as stage,
        reason_code,
        detail,
        raw
    from typing_rejects
),

final as (
    select
        rejects.file_id,
        rejects.source_line as line,
        {{ pii_file_name('files.file_name') }} as file_name,
        rejects.stage,
        rejects.reason_code,
        rejects.detail,
        {{ pii('rejects.raw') }} as raw,
        files.file_date
    from rejects
    inner join files
        on rejects.file_id = files.file_id
)

select * from final
