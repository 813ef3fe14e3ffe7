-- Calls and answers by day: fact_calls = mart_quality_daily = mart_failure_reasons_daily.
with

calls as (
    select
        report_date,
        count(*) as calls,
        count(*) filter (where is_answered) as answers
    from {{ ref('fact_calls') }}
    where {{ lately_reported() }}
    group by report_date
),

quality as (
    select
        report_date,
        sum(bids) as calls,
        sum(answers) as answers
    from {{ ref('mart_quality_daily') }}
    where {{ lately_reported() }}
    group by report_date
),

reasons as (
    select
        report_date,
        sum(calls) as calls,
        sum(case when is_answered then calls else 0 end) as answers
    from {{ ref('mart_failure_reasons_daily') }}
    where {{ lately_reported() }}
    group by report_date
)

select
    coalesce(calls.report_date, quality.report_date, reasons.report_date) as report_date,
    calls.calls as fact_calls,
    quality.calls as quality_calls,
    reasons.calls as reasons_calls
from calls
full outer join quality
    on calls.report_date = quality.report_date
full outer join reasons
    on coalesce(calls.report_date, quality.report_date) = reasons.report_date
where
    calls.calls is distinct from quality.calls
    or calls.calls is distinct from reasons.calls
    or calls.answers is distinct from quality.answers
    or calls.answers is distinct from reasons.answers
