{%- set text = dbt.type_string() -%}

with

unioned as (
    {%- for kind in kinds() %}
    select
        call_id,
        '{{ kind }}' as call_type,
        user_space_id,
        application_key,
        {{ typed_column(kind, ['UserId', 'FromUserId'], text) }} as user_id,
        file_id,
        source_line,
        key_hash,
        {{ typed_column(kind, ['From', 'FromUserId'], text) }} as caller,
        {{ typed_column(kind, ['To', 'ToUserId'], text) }} as callee,
        {{ typed_column(kind, ['ToUserId'], text) }} as callee_user_id,
        {{ typed_column(kind, ['ToCountryId'], text) }} as to_country_id,
        result,
        reason,
        {{ typed_column(kind, ['Currency'], text) }} as currency,
        custom,
        {{ redaction('extra') }} as redaction,
        invalid_fields,
        duration,
        {{ typed_column(kind, ['Amount'], 'decimal(18, 6)') }} as amount,
        call_date,
        file_date,
        call_time,
        {{ typed_column(kind, ['AnswerTime'], 'timestamp') }} as answer_time,
        loaded_at
    from {{ ref('stg_sinch__' ~ kind) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from unioned
