{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        call_type,
        destination_country,
        {{ costly_range('number_type') }} as costly_range,
        outcome,
        is_seizure,
        is_answered,
        duration_seconds,
        answer_delay_seconds,
        amount_reporting,
        report_date,
        called_at
    from {{ ref('int_calls__clear') }}
    where
        {{ stale('report_date') }}
        and call_type in ('phone_terminated', 'sip_terminated')
        and (destination_country is not null or {{ costly_range('number_type') }} is not null)
),

short_calls as (
    {{ signal_settings('short_call_burst', ['short_seconds'], also_off=true) }}
),

false_answers as (
    {{ signal_settings('fas_like', ['fast_seconds', 'short_seconds'], also_off=true) }}
),

final as (
    select
        calls.application_key,
        calls.destination_country,
        calls.costly_range,
        count(*) as calls,
        count(*) filter (where calls.is_seizure) as seizures,
        count(*) filter (where calls.is_answered) as answers,
        count(calls.duration_seconds) filter (where calls.is_answered) as timed_answers,
        count(*) filter (where calls.is_answered and calls.duration_seconds <= short_calls.short_seconds)
            as short_answers,
        count(calls.answer_delay_seconds) filter (where calls.is_answered) as delayed_answers,
        count(*) filter (
            where calls.is_answered and calls.answer_delay_seconds < false_answers.fast_seconds
        ) as fast_answers,
        count(*) filter (
            where calls.outcome in ('completed', 'unanswered_hangup', 'caller_abandoned', 'rejected')
        ) as hang_ups,
        count(*) filter (
            where calls.outcome = 'completed' and calls.duration_seconds <= false_answers.short_seconds
        ) as short_completed,
        cast(sum(calls.amount_reporting) as decimal(38, 6)) as amount_reporting,
        calls.report_date,
        min(calls.called_at) as first_at,
        max(calls.called_at) as last_at
    from calls
    cross join short_calls
    cross join false_answers
    group by
        calls.application_key,
        calls.destination_country,
        calls.costly_range,
        calls.report_date
)

select * from final
