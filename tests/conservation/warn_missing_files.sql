-- Days without an expected file.
{{ config(severity='warn', meta={'findings': 'messages'}) }}

select
    concat(
        'no file of ', call_type, ' for ', file_date,
        '; ask for it, or stage an empty file ', call_type, '_', file_date, '.csv if none is due'
    ) as message
from {{ ref('mart_feed_completeness') }}
where status = 'missing'
order by file_date desc, call_type asc
