-- Texts that could not be parsed are null in every table, so a sum may lack them. The records are kept; a few
-- of them must not stop the day's marts.
{{ config(severity='warn', meta={'findings': 'messages'}) }}

select
    concat(
        {{ pii_file_name('files.file_name') }}, ': ', invalid.field, ' could not be read in ',
        invalid.records, ' of ', files.staged, ' records (first on line ', invalid.first_line,
        ', it looks like ', invalid.example_shape,
        '); ask for the file again, or mend it and stage it under the same name'
    ) as message
from {{ ref('mart_feed_invalid_fields') }} as invalid
inner join {{ ref('stg_sinch__files') }} as files
    on invalid.file_id = files.file_id
order by
    invalid.records desc,
    invalid.file_id asc,
    invalid.field asc
