{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        currency,
        amount,
        call_date,
        report_date
    from {{ ref('fact_calls') }}
    where {{ stale('report_date') }}
),

final as (
    select
        application_key,
        currency,
        count(*) as calls,
        cast(sum(amount) as decimal(38, 6)) as amount,
        call_date,
        report_date
    from calls
    group by
        application_key,
        currency,
        call_date,
        report_date
)

select * from final
