{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        user_id,
        currency,
        duration_seconds,
        amount,
        is_answered,
        report_date
    from {{ ref('fact_calls') }}
    where {{ stale('report_date') }}
),

users as (
    select
        report_date,
        application_key,
        user_id,
        currency,
        count(*) as calls,
        count(*) filter (where is_answered) as answers,
        {{ whole('sum(duration_seconds) filter (where is_answered)') }} as talk_seconds,
        sum(amount) as amount
    from calls
    group by
        report_date,
        application_key,
        user_id,
        currency
),

with_applications as (
    select
        *,
        sum(amount) over (partition by report_date, application_key, currency) as application_amount
    from users
),

final as (
    select
        report_date,
        application_key,
        user_id,
        currency,
        calls,
        answers,
        cast(talk_seconds as double) / 60 as minutes,
        cast(amount as decimal(38, 6)) as amount,
        cast(application_amount as decimal(38, 6)) as application_amount,
        {{ ratio('amount', 'application_amount') }} as share_of_application
    from with_applications
)

select * from final
