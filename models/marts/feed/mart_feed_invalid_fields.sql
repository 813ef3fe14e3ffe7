{{ incremental_by_file() }}

with

files as (
    select
        file_id,
        kind,
        file_date
    from {{ ref('stg_sinch__files') }}
),

unreadable as (
    select
        file_id,
        source_line,
        invalid_fields
    from {{ ref('int_calls__unioned') }}
    where invalid_fields is not null and {{ stale('file_id') }}
),

named as (
    {% for field in typed_fields() -%}
    select
        file_id,
        source_line,
        '{{ field }}' as field
    from unreadable
    where {{ is_listed(field, 'invalid_fields') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

counted as (
    select
        file_id,
        field,
        count(*) as records,
        min(source_line) as first_line
    from named
    group by
        file_id,
        field
),

delivered as (
    select
        file_id,
        {%- for field in typed_fields() %}
        {{ field }},
        {%- endfor %}
        source_line
    from {{ ref('stg_sinch__records') }}
    where {{ stale('file_id') }} and file_id in (select file_id from counted)
),

examples as (
    select
        counted.file_id,
        counted.field,
        case counted.field
            {%- for field in typed_fields() %}
            when '{{ field }}' then {{ clean_text('delivered.' ~ field) }}
            {%- endfor %}
        end as example,
        counted.records,
        counted.first_line
    from counted
    inner join delivered
        on counted.file_id = delivered.file_id and counted.first_line = delivered.source_line
),

final as (
    select
        examples.file_id,
        examples.field,
        files.kind as call_type,
        {{ text_shape('examples.example') }} as example_shape,
        examples.records,
        examples.first_line,
        files.file_date
    from examples
    inner join files
        on examples.file_id = files.file_id
)

select * from final
