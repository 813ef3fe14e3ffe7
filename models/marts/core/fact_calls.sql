{{ incremental_by_call() }}

-- What the hooks read, for dbt to see:
-- depends_on: {{ ref('int_calls__contested') }}

with

calls as (
    select * from {{ ref('int_calls__classified') }}
    where {{ stale() }}
),

files as (
    select
        file_id,
        file_name
    from {{ ref('stg_sinch__files') }}
),

calling_prefixes as (
    select
        prefix,
        country_code,
        number_type
    from {{ ref('int_calling_prefixes') }}
),

fx_rates as (
    select
        from_currency,
        rate,
        day,
        rate_date,
        last_day
    from {{ ref('int_fx_rates__daily') }}
),

fx_end as (
    select max(last_day) as last_day from fx_rates
),

located as (
    select
        calls.*,
        coalesce(caller_long.country_code, caller_short.country_code) as origin_country,
        case
            when calls.call_type <> 'app_app'
                then coalesce(calls.to_country_id, callee_long.country_code, callee_short.country_code)
        end as destination_country,
        coalesce(callee_long.number_type, callee_short.number_type) as number_type
    from calls
    left join calling_prefixes as caller_long
        on substr(calls.caller_e164, 2, 7) = caller_long.prefix
    left join calling_prefixes as caller_short
        on substr(calls.caller_e164, 2, 4) = caller_short.prefix
    left join calling_prefixes as callee_long
        on substr(calls.callee_e164, 2, 7) = callee_long.prefix
    left join calling_prefixes as callee_short
        on substr(calls.callee_e164, 2, 4) = callee_short.prefix
),

-- An AnswerTime counts only for an answered call, and not before its CallTime.
answered as (
    select
        located.*,
        coalesce(located.result = 'ANSWERED', false) as is_answer,
        case
            when located.result = 'ANSWERED' and located.answered_at >= located.called_at
                then located.answered_at
        end as counted_answer_at
    from located
),

timed as (
    select
        answered.*,
        {{ time_in_zone('answered.called_at', var('reporting_timezone')) }} as called_at_local,
        {{ date_in_zone('answered.called_at', var('reporting_timezone')) }} as report_date,
        case
            when answered.counted_answer_at is null then 'call_time'
            else 'answer_time'
        end as interval_basis,
        case
            when answered.call_type = 'phone_terminated'
                then {{ seconds_between('answered.called_at', 'answered.counted_answer_at') }}
        end as answer_delay_seconds,
        {{ add_seconds(
            'coalesce(answered.counted_answer_at, answered.called_at)',
            'coalesce(answered.duration_seconds, 0)'
        ) }} as ended_at
    from answered
),

converted as (
    select
        timed.*,
        case
            when timed.currency = '{{ var("reporting_currency") }}' then timed.amount
            -- one digit more than amount has: of two decimals of up to 18 digits DuckDB
            -- keeps the product to 18 digits, which is four before the point
            else try_cast(cast(timed.amount as decimal(19, 6)) * fx_rates.rate as decimal(18, 6))
        end as amount_reporting,
        case when timed.amount is not null then fx_rates.rate_date end as fx_rate_date
    from timed
    cross join fx_end
    left join fx_rates
        on
            timed.currency = fx_rates.from_currency
            and least(timed.call_date, fx_end.last_day) = fx_rates.day
),

final as (
    select
        md5(concat_ws('|', converted.call_type, converted.call_id)) as call_key,
        converted.call_id,
        converted.call_type,
        converted.user_space_id,
        converted.application_key,
        {{ pii('converted.user_id') }} as user_id,
        {{ pii('converted.caller') }} as caller,
        {{ pii('converted.callee') }} as callee,
        {{ pii('converted.caller_e164') }} as caller_e164,
        {{ pii('converted.callee_e164') }} as callee_e164,
        converted.number_type,
        converted.origin_country,
        converted.destination_country,
        converted.result,
        converted.reason,
        converted.outcome,
        converted.outcome_side,
        converted.is_answer as is_answered,
        converted.is_seizure,
        converted.is_network_effective,
        converted.is_abandoned,
        converted.is_contradictory
        or (converted.answered_at is not null and converted.counted_answer_at is null) as is_contradictory,
        converted.called_at,
        converted.answered_at,
        converted.ended_at,
        converted.call_date,
        converted.called_at_local,
        converted.report_date,
        converted.duration_seconds,
        converted.answer_delay_seconds,
        converted.interval_basis,
        converted.amount,
        converted.currency,
        converted.amount_reporting,
        converted.fx_rate_date,
        {{ pii('converted.custom') }} as custom,
        {{ pii_json('converted.custom') }} as custom_json,
        converted.file_id,
        {{ pii_file_name('files.file_name') }} as source_file,
        converted.source_line,
        converted.file_date,
        converted.loaded_at,
        {{ days_between('cast(converted.ended_at as date)', 'converted.file_date') }} as days_late
    from converted
    inner join files
        on converted.file_id = files.file_id
)

select * from final
