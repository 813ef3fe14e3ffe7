with

rejected_records as (
    select * from {{ source('raw_sinch', 'rejected_records') }}
),

files as (
    select file_id from {{ ref('stg_sinch__files') }}
    where state = 'current'
),

renamed as (
    select
        file_id,
        line as source_line,
        reason_code,
        detail,
        raw
    from rejected_records
    where file_id in (select file_id from files)
)

select * from renamed
