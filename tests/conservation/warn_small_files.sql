-- Days with less than a share (feed_volume_warn) of the records typical of their weekday. Days without a file
-- are in warn_missing_files; the records of a covered day are in another file.
{{ config(severity='warn', meta={'findings': 'messages'}) }}

select
    concat(
        call_type, ' of ', file_date, ' has ', records, ' records, where ', typical_records,
        ' are typical of the weekday; is the file whole?'
    ) as message
from {{ ref('mart_feed_completeness') }}
where status in ('present', 'empty') and volume_ratio < {{ var('feed_volume_warn') }}
order by file_date desc, call_type asc
