with

calls as (
    select * from {{ ref('int_calls__unioned') }}
),

normalised as (
    select
        file_id,
        source_line,
        key_hash,
        call_id,
        call_type,
        user_space_id,
        {{ guid('application_key') }} as application_key,
        user_id,
        caller,
        callee,
        callee_user_id,
        -- a user id of digits is not a phone number
        case when call_type <> 'app_app' then {{ phone_number('caller') }} end as caller_number,
        case when call_type <> 'app_app' then {{ phone_number('callee') }} end as callee_number,
        case when call_type <> 'app_app' then {{ sip_host('caller') }} end as caller_host,
        case when call_type <> 'app_app' then {{ sip_host('callee') }} end as callee_host,
        {{ upper_case('to_country_id') }} as to_country_id,
        {{ upper_case('result') }} as result,
        {{ upper_case('reason') }} as reason,
        {{ upper_case('currency') }} as currency,
        custom,
        redaction,
        duration as duration_seconds,
        amount,
        call_date,
        file_date,
        call_time as called_at,
        answer_time as answered_at,
        loaded_at
    from calls
    where key_hash is not null
)

select * from normalised
