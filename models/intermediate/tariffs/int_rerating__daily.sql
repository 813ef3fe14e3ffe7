{{ incremental_by_day() }}

with

charged as (
    select
        application_key,
        destination_country,
        currency,
        count(*) as calls,
        sum(amount) as amount,
        call_date,
        report_date
    from {{ ref('fact_calls') }}
    where
        {{ stale('report_date') }}
        and call_type = 'phone_terminated'
        and amount > 0
    group by
        application_key,
        destination_country,
        currency,
        call_date,
        report_date
),

priced as (
    select
        application_key,
        destination_country,
        currency,
        count(*) as calls,
        sum(amount) as amount,
        sum(expected_amount) as expected_amount,
        sum(case when difference > 0 then difference else 0 end) as overcharge,
        sum(case when difference < 0 then -difference else 0 end) as undercharge,
        call_date,
        report_date
    from {{ ref('int_rerating__calls') }}
    where {{ stale('report_date') }}
    group by
        application_key,
        destination_country,
        currency,
        call_date,
        report_date
),

final as (
    select
        charged.application_key,
        charged.destination_country,
        charged.currency,
        cast(charged.calls as bigint) as calls,
        {{ whole('priced.calls') }} as priced_calls,
        cast(charged.amount as decimal(38, 6)) as amount,
        cast(priced.amount as decimal(38, 6)) as priced_amount,
        cast(priced.expected_amount as decimal(38, 6)) as expected_amount,
        cast(priced.overcharge as decimal(38, 6)) as overcharge,
        cast(priced.undercharge as decimal(38, 6)) as undercharge,
        charged.call_date,
        charged.report_date
    from charged
    left join priced
        on
            charged.report_date = priced.report_date
            and charged.call_date = priced.call_date
            and charged.application_key is not distinct from priced.application_key
            and charged.destination_country is not distinct from priced.destination_country
            and charged.currency is not distinct from priced.currency
)

select * from final
