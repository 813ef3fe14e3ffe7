-- If a field could not be parsed in more than invalid_share_error (variable) of a file's records, the file
-- has another format, such as amounts with a decimal comma: an error on every target.
{{ config(meta={'findings': 'messages'}) }}
select
    concat(
        {{ pii_file_name('files.file_name') }}, ': ', invalid.field, ' could not be read in ',
        invalid.records, ' of ', files.staged, ' records (first on line ', invalid.first_line,
        ', it looks like ', invalid.example_shape,
        '); ask for the file again, or take it out with `cdr withdraw`'
    ) as message
from {{ ref('mart_feed_invalid_fields') }} as invalid
inner join {{ ref('stg_sinch__files') }} as files
    on invalid.file_id = files.file_id
where invalid.records > {{ var('invalid_share_error') }} * files.staged
order by invalid.file_id, invalid.field
