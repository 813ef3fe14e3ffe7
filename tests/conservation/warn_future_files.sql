-- Files with a date later than the day after their loading: mistyped years, which count for no day of the
-- feed.
{{ config(severity='warn', meta={'findings': 'messages'}) }}

select
    concat(
        'file ', file_id, ' (', kind, ') is of ', file_date, ', in the future, so it counts for no day;',
        ' if the year is mistyped, `cdr withdraw ', file_id, '` and stage it with --file-date'
    ) as message
from {{ ref('stg_sinch__files') }}
where state = 'current' and is_future_dated
order by file_id asc
