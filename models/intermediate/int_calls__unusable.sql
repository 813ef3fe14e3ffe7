{{ config(materialized='table') }}

with

records as (
    select
        file_id,
        source_line,
        case
            when call_id is null then 'missing_call_id'
            when invalid_fields like '%call_time%' then 'unreadable_call_time'
            else 'missing_call_time'
        end as reason_code
    from {{ ref('int_calls__unioned') }}
    where key_hash is null
)

select * from records
