{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        file_id,
        source_line,
        call_type,
        destination_country,
        currency,
        duration_seconds,
        amount,
        amount_reporting,
        is_answered,
        report_date
    from {{ ref('fact_calls') }}
    where {{ stale('report_date') }}
),

-- Engines read only the statistics of files without such a record.
unreadable as (
    select
        file_id,
        source_line
    from {{ ref('int_calls__unioned') }}
    where invalid_fields is not null and {{ is_listed('amount', 'invalid_fields') }}
),

marked as (
    select
        calls.application_key,
        calls.call_type,
        calls.destination_country,
        calls.currency,
        calls.duration_seconds,
        calls.amount,
        calls.amount_reporting,
        calls.is_answered,
        unreadable.source_line is not null as has_unreadable_amount,
        calls.report_date
    from calls
    left join unreadable
        on calls.file_id = unreadable.file_id and calls.source_line = unreadable.source_line
),

summed as (
    select
        report_date,
        call_type,
        application_key,
        destination_country,
        currency,
        count(*) as calls,
        count(*) filter (where is_answered) as answers,
        count(*) filter (where amount > 0) as charged_calls,
        sum(amount) filter (where amount > 0 and duration_seconds is not null) as charged_amount,
        {{ whole('sum(duration_seconds) filter (where amount > 0)') }} as charged_seconds,
        {{ whole('sum(duration_seconds) filter (where is_answered)') }} as talk_seconds,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting,
        count(*) filter (where amount is not null and amount_reporting is null) as unconverted_calls,
        count(*) filter (where has_unreadable_amount) as unreadable_amounts
    from marked
    group by
        report_date,
        call_type,
        application_key,
        destination_country,
        currency
),

final as (
    select
        report_date,
        call_type,
        application_key,
        destination_country,
        currency,
        calls,
        answers,
        charged_calls,
        cast(charged_amount as decimal(38, 6)) as charged_amount,
        charged_seconds,
        cast(talk_seconds as double) / 60 as minutes,
        cast(amount as decimal(38, 6)) as amount,
        cast(amount_reporting as decimal(38, 6)) as amount_reporting,
        unconverted_calls,
        unreadable_amounts,
        {{ ratio('60 * charged_amount', 'charged_seconds') }} as effective_rate_per_minute,
        {{ ratio('amount', 'answers') }} as cost_per_answer
    from summed
)

select * from final
