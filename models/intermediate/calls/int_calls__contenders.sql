{{ incremental_by_key() }}

with

-- Only eight bytes a call are read of the whole history; texts are compared later, for the few keys that
-- occur more than once.
added_keys as (
    select distinct key_hash
    from {{ ref('int_calls__unioned') }}
    where key_hash is not null and {{ stale('file_id') }}
),

contested_keys as (
    select key_hash
    from {{ ref('int_calls__unioned') }}
    where key_hash in (select key_hash from added_keys)
    group by key_hash
    having count(*) > 1
),

candidates as (
    select
        file_id,
        source_line,
        key_hash,
        call_type,
        currency,
        amount,
        call_date,
        file_date,
        loaded_at
    from {{ ref('int_calls__unioned') }}
    where key_hash in (select key_hash from contested_keys)
),

-- No text is read of files without such a key.
records as (
    select * from {{ ref('stg_sinch__records') }}
    where file_id in (select file_id from candidates)
),

final as (
    select
        candidates.file_id,
        candidates.source_line,
        candidates.key_hash,
        {{ clean_text('records.call_id') }} as call_id,
        candidates.call_type,
        records.record_text,
        {{ upper_case('candidates.currency') }} as currency,
        candidates.amount,
        candidates.call_date,
        candidates.file_date,
        candidates.loaded_at
    from candidates
    inner join records
        on candidates.file_id = records.file_id and candidates.source_line = records.source_line
)

select * from final
