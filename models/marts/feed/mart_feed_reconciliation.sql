with

files as (
    select
        file_id,
        file_name,
        kind,
        records,
        staged,
        rejected,
        file_date
    from {{ ref('stg_sinch__files') }}
    where state = 'current'
),

unusable as (
    select
        file_id,
        count(*) as records
    from {{ ref('int_calls__unusable') }}
    group by file_id
),

contested as (
    select
        file_id,
        count(*) filter (where role = 'exact_duplicate') as exact_duplicates,
        count(*) filter (where role = 'conflict') as conflicts
    from {{ ref('int_calls__contested') }}
    group by file_id
),

calls as (
    select
        file_id,
        count(*) as records
    from {{ ref('fact_calls') }}
    group by file_id
),

joined as (
    select
        files.file_id,
        files.file_name,
        files.kind as call_type,
        files.records,
        files.staged,
        files.rejected,
        coalesce(unusable.records, 0) as unusable,
        coalesce(contested.exact_duplicates, 0) as exact_duplicates,
        coalesce(contested.conflicts, 0) as conflicts,
        coalesce(calls.records, 0) as in_fact,
        files.file_date
    from files
    left join unusable
        on files.file_id = unusable.file_id
    left join contested
        on files.file_id = contested.file_id
    left join calls
        on files.file_id = calls.file_id
),

final as (
    select
        file_id,
        {{ pii_file_name('file_name') }} as file_name,
        call_type,
        records,
        staged,
        rejected,
        unusable,
        exact_duplicates,
        conflicts,
        in_fact,
        staged - in_fact - exact_duplicates - conflicts - unusable as difference,
        file_date
    from joined
)

select * from final
