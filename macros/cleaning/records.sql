{#-
    The typed table of a kind: one row per record of its current files. Text is trimmed, empty text is null; a
    value that does not parse is null and listed in invalid_fields.
-#}
{% macro typed_records(kind) %}
{%- set types = column_types() -%}
{%- set columns = [] -%}
{%- for column in types if column in kinds()[kind] %}{% do columns.append(column) %}{% endfor -%}

with

records as (
    select * from {{ source('raw_sinch', kind) }}
    where {{ stale('_file_id') }}
),

files as (
    select
        file_id,
        file_date,
        loaded_at
    from {{ ref('stg_sinch__files') }}
    where kind = '{{ kind }}' and state = 'current'
),

texts as (
    select
        _file_id as file_id,
        _line as source_line,
        {%- for column in columns %}
        {%- set name = snake_case(column) %}
        {%- if types[column] == 'text' %}
        {{ clean_text(adapter.quote(column)) }} as {{ adapter.quote(name) }},
        {%- elif types[column] == 'code' %}
        {{ clean_code(adapter.quote(column)) }} as {{ adapter.quote(name) }},
        {%- else %}
        {{ clean_code(adapter.quote(column)) }} as {{ name }}_text,
        {%- endif %}
        {%- endfor %}
        _extra as extra
    from records
),

typed as (
    select
        *
        {%- for column in columns if types[column] not in ['text', 'code'] %},
        {{ parsed(snake_case(column) ~ '_text', types[column]) }} as {{ snake_case(column) }}
        {%- endfor %}
    from texts
),

final as (
    select
        typed.file_id,
        typed.source_line,
        case
            when typed.call_id is not null and {{ null_if_no_moment('typed.call_time') }} is not null
                then {{ key_hash("concat_ws('|', '" ~ kind ~ "', typed.call_id)") }}
        end as key_hash,
        {%- for column in columns if types[column] in ['text', 'code', 'integer'] %}
        typed.{{ adapter.quote(snake_case(column)) }},
        {%- endfor %}
        typed.extra,
        {{ invalid_fields(typed_fields(kind)) }} as invalid_fields,
        {%- for column in columns if types[column] in ['seconds', 'decimal'] %}
        typed.{{ snake_case(column) }},
        {%- endfor %}
        cast({{ null_if_no_moment('typed.call_time') }} as date) as call_date,
        files.file_date,
        {%- for column in columns if types[column] == 'time' %}
        {{ null_if_no_moment('typed.' ~ snake_case(column)) }} as {{ snake_case(column) }},
        {%- endfor %}
        files.loaded_at
    from typed
    inner join files
        on typed.file_id = files.file_id
)

select * from final
{% endmacro %}


{#- The value of a cleaned text by its column's type; null where it does not parse. -#}
{% macro parsed(text, type) -%}
    {%- if type == 'integer' -%}{{ whole_number(text) }}
    {%- elif type == 'seconds' -%}{{ call_seconds(text) }}
    {%- elif type == 'decimal' -%}{{ to_decimal(text) }}
    {%- elif type == 'time' -%}{{ iso_timestamp(text) }}
    {%- endif -%}
{%- endmacro %}
