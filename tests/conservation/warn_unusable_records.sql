-- Staged records without a CallId or a readable CallTime identify no call. They are in the mart
-- rejected_records; the day's marts must not stop for them.
{{ config(severity='warn') }}

select
    file_id,
    file_name,
    unusable
from {{ ref('mart_feed_reconciliation') }}
where unusable > 0
