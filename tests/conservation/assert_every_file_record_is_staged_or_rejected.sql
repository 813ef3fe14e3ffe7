-- Per file: records = staged + rejected, and the tables contain as many records as the manifest counts.
-- Detects a loader that counts all records but publishes half. Files that are not current have no rows here.
with

files as (
    select * from {{ ref('stg_sinch__files') }}
),

staged as (
    select
        file_id,
        count(*) as records
    from {{ ref('int_calls__unioned') }}
    group by file_id
),

rejected as (
    select
        file_id,
        count(*) as records
    from {{ ref('stg_sinch__rejected_records') }}
    group by file_id
)

select
    files.file_id,
    files.records,
    files.staged,
    files.rejected,
    coalesce(staged.records, 0) as found_staged,
    coalesce(rejected.records, 0) as found_rejected
from files
left join staged
    on files.file_id = staged.file_id
left join rejected
    on files.file_id = rejected.file_id
where
    files.records <> files.staged + files.rejected
    or (files.state = 'current' and files.staged <> coalesce(staged.records, 0))
    or (files.state = 'current' and files.rejected <> coalesce(rejected.records, 0))
    or (files.state in ('failed', 'duplicate') and files.staged <> 0)
