with

history as (
    select
        file_id,
        call_type,
        application_key,
        currency,
        calls,
        priced_calls,
        amount,
        day,
        changed_at
    from {{ day_history() }}
),

purged as (
    {{ purged_files() }}
),

final as (
    select history.*
    from history
    left join purged
        on history.file_id = purged.file_id
    where purged.file_id is null
)

select * from final
