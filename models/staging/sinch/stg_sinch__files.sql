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
        coalesce({{ days_between('cast(loaded_at as date)', 'file_date') }} > 1, false) as is_future_dated,
        file_date,
        covers_from,
        loaded_at,
        state_changed_at
    from files
)

select * from renamed
