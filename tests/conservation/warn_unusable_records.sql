-- Staged records without a CallId or a readable CallTime identify no call. They are in the mart
-- rejected_records and must not stop the day's marts.
{{ config(severity='warn', meta={'findings': 'messages'}) }}

select
    concat(
        file_name, ': ', unusable, ' of ', staged,
        ' records have no CallId or no readable CallTime; see marts.rejected_records, stage typing'
    ) as message
from {{ ref('mart_feed_reconciliation') }}
where unusable > 0
order by unusable desc, file_id asc
