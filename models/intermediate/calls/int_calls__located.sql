with

calls as (
    select * from {{ ref('int_calls__normalised') }}
),

calling_prefixes as (
    select * from {{ ref('int_calling_prefixes') }}
),

calling_codes as (
    select distinct
        country_code,
        {{ calling_code('prefix') }} as calling_code
    from {{ ref('calling_codes') }}
    where country_code is not null
),

countries as (
    select
        countries.country_code,
        count(calling_codes.calling_code) as calling_codes
    from {{ ref('countries') }} as countries
    left join calling_codes
        on countries.country_code = calling_codes.country_code
    group by countries.country_code
),

dialled as (
    select
        *,
        replace(caller_number, '+', '') as caller_digits,
        replace(callee_number, '+', '') as callee_digits
    from calls
),

read as (
    select
        dialled.*,
        coalesce(caller_long.country_code, caller_short.country_code) as caller_country,
        coalesce(caller_long.calling_code, caller_short.calling_code) as caller_code,
        coalesce(caller_long.lengths, caller_short.lengths) as caller_lengths,
        coalesce(callee_long.country_code, callee_short.country_code) as callee_country,
        coalesce(callee_long.number_type, callee_short.number_type) as callee_type,
        coalesce(callee_long.calling_code, callee_short.calling_code) as callee_code,
        coalesce(callee_long.lengths, callee_short.lengths) as callee_lengths
    from dialled
    left join calling_prefixes as caller_long
        on substr(dialled.caller_digits, 1, 7) = caller_long.prefix
    left join calling_prefixes as caller_short
        on substr(dialled.caller_digits, 1, 4) = caller_short.prefix
    left join calling_prefixes as callee_long
        on substr(dialled.callee_digits, 1, 7) = callee_long.prefix
    left join calling_prefixes as callee_short
        on substr(dialled.callee_digits, 1, 4) = callee_short.prefix
),

-- Digits without a + whose calling code is not that of ToCountryId may be a national number. Countries
-- without a calling code of their own (islands that use a neighbour's) contradict no number.
numbered as (
    select
        read.*,
        countries.country_code as to_country,
        {{ e164('read.caller_number', 'read.caller_code', 'read.caller_lengths') }} as caller_e164,
        case
            when
                read.callee_number like '+%'
                or coalesce(countries.calling_codes, 0) = 0
                or calling_codes.calling_code is not null
                then {{ e164('read.callee_number', 'read.callee_code', 'read.callee_lengths') }}
        end as callee_e164
    from read
    left join countries
        on read.to_country_id = countries.country_code
    left join calling_codes
        on
            read.to_country_id = calling_codes.country_code
            and read.callee_code = calling_codes.calling_code
),

final as (
    select
        file_id,
        source_line,
        key_hash,
        call_id,
        call_type,
        user_space_id,
        application_key,
        user_id,
        caller,
        callee,
        callee_user_id,
        caller_host,
        callee_host,
        caller_e164,
        callee_e164,
        coalesce(
            {{ kept('redaction', 'number_type') }},
            case when callee_e164 is not null then callee_type end
        ) as number_type,
        coalesce(
            {{ kept('redaction', 'origin_country') }},
            case when caller_e164 is not null then caller_country end
        ) as origin_country,
        case
            when call_type <> 'app_app'
                then coalesce(
                        {{ kept('redaction', 'destination_country') }},
                        to_country,
                        case when callee_e164 is not null then callee_country end
                    )
        end as destination_country,
        result,
        reason,
        currency,
        custom,
        duration_seconds,
        amount,
        call_date,
        file_date,
        called_at,
        answered_at,
        loaded_at
    from numbered
)

select * from final
