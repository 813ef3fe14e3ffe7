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
        countries.time_zone,
        count(calling_codes.calling_code) as calling_codes
    from {{ ref('countries') }} as countries
    left join calling_codes
        on countries.country_code = calling_codes.country_code
    group by
        countries.country_code,
        countries.time_zone
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
        coalesce(
            caller_long.country_code, caller_mid.country_code, caller_short.country_code
        ) as caller_country,
        coalesce(caller_long.calling_code, caller_mid.calling_code, caller_short.calling_code) as caller_code,
        coalesce(caller_long.lengths, caller_mid.lengths, caller_short.lengths) as caller_lengths,
        coalesce(
            callee_long.country_code, callee_mid.country_code, callee_short.country_code
        ) as callee_country,
        coalesce(callee_long.number_type, callee_mid.number_type, callee_short.number_type) as callee_type,
        coalesce(callee_long.calling_code, callee_mid.calling_code, callee_short.calling_code) as callee_code,
        coalesce(callee_long.lengths, callee_mid.lengths, callee_short.lengths) as callee_lengths,
        coalesce(callee_long.time_zone, callee_mid.time_zone, callee_short.time_zone) as callee_time_zone
    from dialled
    left join calling_prefixes as caller_long
        on substr(dialled.caller_digits, 1, 7) = caller_long.prefix
    left join calling_prefixes as caller_mid
        on substr(dialled.caller_digits, 1, 5) = caller_mid.prefix
    left join calling_prefixes as caller_short
        on substr(dialled.caller_digits, 1, 4) = caller_short.prefix
    left join calling_prefixes as callee_long
        on substr(dialled.callee_digits, 1, 7) = callee_long.prefix
    left join calling_prefixes as callee_mid
        on substr(dialled.callee_digits, 1, 5) = callee_mid.prefix
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

placed as (
    select
        *,
        case
            when call_type <> 'app_app'
                then coalesce(
                        {{ kept('redaction', 'destination_country') }},
                        to_country,
                        case when callee_e164 is not null then callee_country end
                    )
        end as destination_country
    from numbered
),

final as (
    select
        placed.file_id,
        placed.source_line,
        placed.key_hash,
        placed.call_id,
        placed.call_type,
        placed.user_space_id,
        placed.application_key,
        placed.user_id,
        placed.caller,
        placed.callee,
        placed.callee_user_id,
        placed.caller_host,
        placed.callee_host,
        placed.caller_e164,
        placed.callee_e164,
        coalesce(
            {{ kept('placed.redaction', 'number_type') }},
            case when placed.callee_e164 is not null then placed.callee_type end
        ) as number_type,
        coalesce(
            {{ kept('placed.redaction', 'origin_country') }},
            case when placed.caller_e164 is not null then placed.caller_country end
        ) as origin_country,
        placed.destination_country,
        coalesce(
            case
                when placed.callee_e164 is not null and placed.callee_country = placed.destination_country
                    then placed.callee_time_zone
            end,
            destinations.time_zone
        ) as destination_time_zone,
        placed.result,
        placed.reason,
        placed.currency,
        placed.custom,
        placed.duration_seconds,
        placed.amount,
        placed.call_date,
        placed.file_date,
        placed.called_at,
        placed.answered_at,
        placed.loaded_at
    from placed
    left join countries as destinations
        on placed.destination_country = destinations.country_code
)

select * from final
