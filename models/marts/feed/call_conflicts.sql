with

conflicts as (
    select
        file_id,
        source_line,
        call_type,
        call_id,
        winner_file_id,
        winner_line,
        differing_fields,
        currency,
        amount,
        winner_amount
    from {{ ref('int_calls__contested') }}
    where role = 'conflict'
),

files as (
    select
        file_id,
        file_name,
        file_date
    from {{ ref('stg_sinch__files') }}
),

final as (
    select
        conflicts.file_id,
        conflicts.source_line as line,
        md5(concat_ws('|', conflicts.call_type, conflicts.call_id)) as call_key,
        conflicts.winner_file_id,
        conflicts.winner_line,
        {{ pii_file_name('files.file_name') }} as file_name,
        conflicts.differing_fields,
        {{ pii_code('conflicts.currency', 'currency') }} as currency,
        {{ pii_amount('conflicts.amount', 'conflicts.currency') }} as amount,
        {{ pii_amount('conflicts.winner_amount', 'conflicts.currency') }} as winner_amount,
        files.file_date
    from conflicts
    inner join files
        on conflicts.file_id = files.file_id
)

select * from final
