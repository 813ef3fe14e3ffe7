{%- set fields = [
    'CallId', 'UserSpaceId', 'ApplicationKey', 'UserId', 'FromUserId', 'ToUserId', 'Result', 'Reason', 'From', 'To', 'ToCountryId',
    'Currency', 'Custom', 'Duration', 'Amount', 'CallTime', 'AnswerTime',
] %}

with

files as (
    select file_id from {{ ref('stg_sinch__files') }}
    where state = 'current'
),

unioned as (
    {%- for kind in kinds() %}
    select
        _file_id as file_id,
        _line as source_line,
        '{{ kind }}' as call_type,
        {%- for field in fields %}
        {%- set column = adapter.quote(field) if field in vendor_columns(kind) else 'null' %}
        cast({{ column }} as {{ dbt.type_string() }}) as {{ adapter.quote(snake_case(field)) }},
        {%- endfor %}
        {{ record_text(kind) }} as record_text
    from {{ source('raw_sinch', kind) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- Filtered above the union, so that a query of a few files reads only these.
final as (
    select * from unioned
    where file_id in (select file_id from files)
)

select * from final
