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
