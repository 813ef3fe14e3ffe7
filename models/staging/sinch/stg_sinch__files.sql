with

files as (
    select * from {{ source('raw_sinch', 'files') }}
),

renamed as (
    select
        file_id,
        file_name,
        path,
        kind,
        sha256,
        header,
        state,
        message,
        bytes,
        records,
        staged,
        rejected,
        file_date,
        covers_from,
        loaded_at,
        state_changed_at
    from files
)

select * from renamed
