with

phone_terminated as (
    select
        call_id,
        'phone_terminated' as call_type,
        user_space_id,
        application_key,
        user_id,
        file_id,
        source_line,
        key_hash,
        {{ adapter.quote('from') }} as caller,
        {{ adapter.quote('to') }} as callee,
        to_country_id,
        result,
        reason,
        currency,
        custom,
        {{ redaction('extra') }} as redaction,
        invalid_fields,
        duration,
        amount,
        call_date,
        file_date,
        call_time,
        answer_time,
        loaded_at
    from {{ ref('stg_sinch__phone_terminated') }}
),

phone_originated as (
    select
        call_id,
        'phone_originated' as call_type,
        user_space_id,
        application_key,
        cast(null as {{ dbt.type_string() }}) as user_id,
        file_id,
        source_line,
        key_hash,
        {{ adapter.quote('from') }} as caller,
        {{ adapter.quote('to') }} as callee,
        cast(null as {{ dbt.type_string() }}) as to_country_id,
        result,
        reason,
        currency,
        custom,
        {{ redaction('extra') }} as redaction,
        invalid_fields,
        duration,
        amount,
        call_date,
        file_date,
        call_time,
        cast(null as timestamp) as answer_time,
        loaded_at
    from {{ ref('stg_sinch__phone_originated') }}
),

app_app as (
    select
        call_id,
        'app_app' as call_type,
        user_space_id,
        application_key,
        from_user_id as user_id,
        file_id,
        source_line,
        key_hash,
        from_user_id as caller,
        to_user_id as callee,
        cast(null as {{ dbt.type_string() }}) as to_country_id,
        result,
        reason,
        cast(null as {{ dbt.type_string() }}) as currency,
        custom,
        {{ redaction('extra') }} as redaction,
        invalid_fields,
        duration,
        cast(null as decimal(18, 6)) as amount,
        call_date,
        file_date,
        call_time,
        cast(null as timestamp) as answer_time,
        loaded_at
    from {{ ref('stg_sinch__app_app') }}
),

sip_terminated as (
    select
        call_id,
        'sip_terminated' as call_type,
        user_space_id,
        application_key,
        cast(null as {{ dbt.type_string() }}) as user_id,
        file_id,
        source_line,
        key_hash,
        {{ adapter.quote('from') }} as caller,
        {{ adapter.quote('to') }} as callee,
        cast(null as {{ dbt.type_string() }}) as to_country_id,
        result,
        reason,
        cast(null as {{ dbt.type_string() }}) as currency,
        custom,
        {{ redaction('extra') }} as redaction,
        invalid_fields,
        duration,
        cast(null as decimal(18, 6)) as amount,
        call_date,
        file_date,
        call_time,
        cast(null as timestamp) as answer_time,
        loaded_at
    from {{ ref('stg_sinch__sip_terminated') }}
),

unioned as (
    select * from phone_terminated
    union all
    select * from phone_originated
    union all
    select * from app_app
    union all
    select * from sip_terminated
)

select * from unioned
