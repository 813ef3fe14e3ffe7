{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        key,
        value,
        currency,
        duration_seconds,
        amount,
        amount_reporting,
        is_answered,
        report_date
    from {{ ref('int_calls__custom') }}
    where {{ stale('report_date') }}
),

summed as (
    select
        report_date,
        application_key,
        key,
        value,
        currency,
        count(*) as calls,
        count(*) filter (where is_answered) as answers,
        {{ whole('sum(duration_seconds) filter (where is_answered)') }} as talk_seconds,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting
    from calls
    group by
        report_date,
        application_key,
        key,
        value,
        currency
),

final as (
    select
        report_date,
        application_key,
        key,
        value,
        currency,
        calls,
        answers,
        cast(talk_seconds as double) / 60 as minutes,
        cast(amount as decimal(38, 6)) as amount,
        cast(amount_reporting as decimal(38, 6)) as amount_reporting
    from summed
)

select * from final
