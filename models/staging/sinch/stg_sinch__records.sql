with

files as (
    select file_id from {{ ref('stg_sinch__files') }}
    where state = 'current'
),

phone_terminated as (
    select
        _file_id as file_id,
        _line as source_line,
        'phone_terminated' as call_type,
        CallId as call_id,
        UserSpaceId as user_space_id,
        ApplicationKey as application_key,
        UserId as user_id,
        cast(null as {{ dbt.type_string() }}) as from_user_id,
        cast(null as {{ dbt.type_string() }}) as to_user_id,
        Result as result,
        Reason as reason,
        {{ adapter.quote('From') }} as {{ adapter.quote('from') }},
        {{ adapter.quote('To') }} as {{ adapter.quote('to') }},
        ToCountryId as to_country_id,
        Currency as currency,
        Custom as custom,
        Duration as duration,
        Amount as amount,
        CallTime as call_time,
        AnswerTime as answer_time,
        {{ record_text('phone_terminated') }} as record_text
    from {{ source('raw_sinch', 'phone_terminated') }}
    where _file_id in (select file_id from files)
),

phone_originated as (
    select
        _file_id as file_id,
        _line as source_line,
        'phone_originated' as call_type,
        CallId as call_id,
        UserSpaceId as user_space_id,
        ApplicationKey as application_key,
        cast(null as {{ dbt.type_string() }}) as user_id,
        cast(null as {{ dbt.type_string() }}) as from_user_id,
        cast(null as {{ dbt.type_string() }}) as to_user_id,
        Result as result,
        Reason as reason,
        {{ adapter.quote('From') }} as {{ adapter.quote('from') }},
        {{ adapter.quote('To') }} as {{ adapter.quote('to') }},
        cast(null as {{ dbt.type_string() }}) as to_country_id,
        Currency as currency,
        Custom as custom,
        Duration as duration,
        Amount as amount,
        CallTime as call_time,
        cast(null as {{ dbt.type_string() }}) as answer_time,
        {{ record_text('phone_originated') }} as record_text
    from {{ source('raw_sinch', 'phone_originated') }}
    where _file_id in (select file_id from files)
),

app_app as (
    select
        _file_id as file_id,
        _line as source_line,
        'app_app' as call_type,
        CallId as call_id,
        UserSpaceId as user_space_id,
        ApplicationKey as application_key,
        cast(null as {{ dbt.type_string() }}) as user_id,
        FromUserId as from_user_id,
        ToUserId as to_user_id,
        Result as result,
        Reason as reason,
        cast(null as {{ dbt.type_string() }}) as {{ adapter.quote('from') }},
        cast(null as {{ dbt.type_string() }}) as {{ adapter.quote('to') }},
        cast(null as {{ dbt.type_string() }}) as to_country_id,
        cast(null as {{ dbt.type_string() }}) as currency,
        Custom as custom,
        Duration as duration,
        cast(null as {{ dbt.type_string() }}) as amount,
        CallTime as call_time,
        cast(null as {{ dbt.type_string() }}) as answer_time,
        {{ record_text('app_app') }} as record_text
    from {{ source('raw_sinch', 'app_app') }}
    where _file_id in (select file_id from files)
),

sip_terminated as (
    select
        _file_id as file_id,
        _line as source_line,
        'sip_terminated' as call_type,
        CallId as call_id,
        UserSpaceId as user_space_id,
        ApplicationKey as application_key,
        cast(null as {{ dbt.type_string() }}) as user_id,
        cast(null as {{ dbt.type_string() }}) as from_user_id,
        cast(null as {{ dbt.type_string() }}) as to_user_id,
        Result as result,
        Reason as reason,
        {{ adapter.quote('From') }} as {{ adapter.quote('from') }},
        {{ adapter.quote('To') }} as {{ adapter.quote('to') }},
        cast(null as {{ dbt.type_string() }}) as to_country_id,
        cast(null as {{ dbt.type_string() }}) as currency,
        Custom as custom,
        Duration as duration,
        cast(null as {{ dbt.type_string() }}) as amount,
        CallTime as call_time,
        cast(null as {{ dbt.type_string() }}) as answer_time,
        {{ record_text('sip_terminated') }} as record_text
    from {{ source('raw_sinch', 'sip_terminated') }}
    where _file_id in (select file_id from files)
),

unioned as (
    select
        file_id,
        source_line,
        call_type,
        call_id,
        user_space_id,
        application_key,
        user_id,
        from_user_id,
        to_user_id,
        result,
        reason,
        {{ adapter.quote('from') }},
        {{ adapter.quote('to') }},
        to_country_id,
        currency,
        custom,
        duration,
        amount,
        call_time,
        answer_time,
        record_text
    from phone_terminated

    union all

    select
        file_id,
        source_line,
        call_type,
        call_id,
        user_space_id,
        application_key,
        user_id,
        from_user_id,
        to_user_id,
        result,
        reason,
        {{ adapter.quote('from') }},
        {{ adapter.quote('to') }},
        to_country_id,
        currency,
        custom,
        duration,
        amount,
        call_time,
        answer_time,
        record_text
    from phone_originated

    union all

    select
        file_id,
        source_line,
        call_type,
        call_id,
        user_space_id,
        application_key,
        user_id,
        from_user_id,
        to_user_id,
        result,
        reason,
        {{ adapter.quote('from') }},
        {{ adapter.quote('to') }},
        to_country_id,
        currency,
        custom,
        duration,
        amount,
        call_time,
        answer_time,
        record_text
    from app_app

    union all

    select
        file_id,
        source_line,
        call_type,
        call_id,
        user_space_id,
        application_key,
        user_id,
        from_user_id,
        to_user_id,
        result,
        reason,
        {{ adapter.quote('from') }},
        {{ adapter.quote('to') }},
        to_country_id,
        currency,
        custom,
        duration,
        amount,
        call_time,
        answer_time,
        record_text
    from sip_terminated
)

select * from unioned
