with

files as (
    select file_id from {{ ref('stg_sinch__files') }}
    where state = 'current'
),

unioned as (
    {%- for kind, columns in kinds().items() %}
    select
        _file_id as file_id,
        _line as source_line,
        '{{ kind }}' as call_type,
        {%- for field in column_types() %}
        {%- set column = adapter.quote(field) if field in columns else 'null' %}
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
