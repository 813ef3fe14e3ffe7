{{ incremental_by_file('phone_originated') }}

with

records as (
    select * from {{ source('raw_sinch', 'phone_originated') }}
    where {{ stale('_file_id') }}
),

files as (
    select
        file_id,
        file_date,
        loaded_at
    from {{ ref('stg_sinch__files') }}
    where kind = 'phone_originated' and state = 'current'
),

texts as (
    select
        _file_id as file_id,
        _line as source_line,
        {{ clean_text('CallId') }} as call_id,
        {{ clean_code('UserSpaceId') }} as user_space_id_text,
        {{ clean_code('ApplicationKey') }} as application_key,
        {{ clean_code('Result') }} as result,
        {{ clean_code('Reason') }} as reason,
        {{ clean_text(adapter.quote('From')) }} as {{ adapter.quote('from') }},
        {{ clean_text(adapter.quote('To')) }} as {{ adapter.quote('to') }},
        {{ clean_code('Currency') }} as currency,
        {{ clean_text('Custom') }} as custom,
        _extra as extra,
        {{ clean_code('Duration') }} as duration_text,
        {{ clean_code('Amount') }} as amount_text,
        {{ clean_code('CallTime') }} as call_time_text
    from records
),

typed as (
    select
        *,
        {{ whole_number('user_space_id_text') }} as user_space_id,
        {{ call_seconds('duration_text') }} as duration,
        {{ to_decimal('amount_text') }} as amount,
        {{ iso_timestamp('call_time_text') }} as call_time
    from texts
),

final as (
    select
        typed.file_id,
        typed.source_line,
        case
            when typed.call_id is not null and {{ null_if_no_moment('typed.call_time') }} is not null
                then {{ key_hash("concat_ws('|', 'phone_originated', typed.call_id)") }}
        end as key_hash,
        typed.call_id,
        typed.user_space_id,
        typed.application_key,
        typed.result,
        typed.reason,
        typed.{{ adapter.quote('from') }},
        typed.{{ adapter.quote('to') }},
        typed.currency,
        typed.custom,
        typed.extra,
        {{ invalid_fields(['user_space_id', 'call_time', 'duration', 'amount']) }} as invalid_fields,
        typed.duration,
        typed.amount,
        cast({{ null_if_no_moment('typed.call_time') }} as date) as call_date,
        files.file_date,
        {{ null_if_no_moment('typed.call_time') }} as call_time,
        files.loaded_at
    from typed
    inner join files
        on typed.file_id = files.file_id
)

select * from final
