{{ incremental_by_call() }}

-- Read by macros, so dbt must order it first:
-- depends_on: {{ ref('int_calls__contested') }}

with

calls as (
    select * from {{ ref('int_calls__deduplicated') }}
    where {{ stale() }}
),

files as (
    select
        file_id,
        file_name
    from {{ ref('stg_sinch__files') }}
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

-- An AnswerTime counts only for an answered call, not before its CallTime and not long after it.
answered as (
    select
        calls.*,
        case
            when
                calls.is_answered
                and {{ seconds_between('calls.called_at', 'calls.answered_at') }}
                between 0 and {{ var('longest_answer_delay_seconds') }}
                then calls.answered_at
        end as counted_answer_at
    from calls
),

timed as (
    select
        answered.*,
        {{ time_in_zone('answered.called_at', var('reporting_timezone')) }} as called_at_local,
        {{ wall_clock('answered.called_at', 'answered.destination_time_zone') }} as called_at_destination,
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
            -- 19 digits, one more than amount has: for two decimals of up to 18 digits DuckDB's product has
            -- 18 digits, four of them before the point
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
        {{ pii_application('converted.application_key') }} as application_key,
        {{ pii('converted.user_id') }} as user_id,
        converted.file_id,
        converted.source_line,
        {{ pii('converted.caller') }} as caller,
        {{ pii('converted.callee') }} as callee,
        {{ pii('converted.caller_e164') }} as caller_e164,
        {{ pii('converted.callee_e164') }} as callee_e164,
        converted.caller_host,
        converted.callee_host,
        {{ pii('converted.callee_user_id') }} as callee_user_id,
        converted.number_type,
        converted.origin_country,
        converted.destination_country,
        {{ pii_code('converted.result', 'result') }} as result,
        {{ pii_code('converted.reason', 'reason', 'converted.is_sip_phrase') }} as reason,
        converted.outcome,
        converted.outcome_side,
        converted.interval_basis,
        {{ pii_code('converted.currency', 'currency') }} as currency,
        {{ pii('converted.custom') }} as custom,
        {{ pii_json('converted.custom') }} as custom_json,
        {{ pii_file_name('files.file_name') }} as source_file,
        converted.duration_seconds,
        converted.answer_delay_seconds,
        {{ pii_amount('converted.amount', 'converted.currency') }} as amount,
        converted.amount_reporting,
        {{ days_between('cast(converted.ended_at as date)', 'converted.file_date') }} as days_late,
        converted.is_answered,
        converted.is_seizure,
        converted.is_network_effective,
        converted.is_abandoned,
        converted.is_contradictory
        or (converted.answered_at is not null and converted.counted_answer_at is null) as is_contradictory,
        converted.call_date,
        converted.report_date,
        converted.fx_rate_date,
        converted.file_date,
        converted.called_at,
        converted.called_at_local,
        converted.called_at_destination,
        converted.answered_at,
        converted.ended_at,
        converted.loaded_at
    from converted
    inner join files
        on converted.file_id = files.file_id
)

select * from final
