-- Days with less than a share (feed_volume_warn) of the records that are typical of their weekday. A day
-- without a file is told by warn_missing_files, one that another file covers has its records there.
{{ config(severity='warn') }}

select
    concat(
        call_type, ' of ', file_date, ' has ', records, ' records, where ', typical_records,
        ' are typical of the weekday; is the file whole?'
    ) as message
from {{ ref('mart_feed_completeness') }}
where status in ('present', 'empty') and volume_ratio < {{ var('feed_volume_warn') }}
order by file_date desc, call_type asc
