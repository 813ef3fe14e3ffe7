-- Calls, answers and money by day and currency: those of fact_calls are those of mart_cost_by_number_type;
-- calls and answers by day those of mart_quality_by_number_type.
with

calls as (
    select
        report_date,
        currency,
        count(*) as calls,
        count(*) filter (where is_answered) as answers,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting
    from {{ ref('fact_calls') }}
    where {{ lately_reported() }}
    group by
        report_date,
        currency
),

costs as (
    select
        report_date,
        currency,
        sum(calls) as calls,
        sum(answers) as answers,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting
    from {{ ref('mart_cost_by_number_type') }}
    where {{ lately_reported() }}
    group by
        report_date,
        currency
),

days as (
    select
        report_date,
        sum(calls) as calls,
        sum(answers) as answers
    from calls
    group by report_date
),

quality as (
    select
        report_date,
        sum(bids) as calls,
        sum(answers) as answers
    from {{ ref('mart_quality_by_number_type') }}
    where {{ lately_reported() }}
    group by report_date
)

select
    coalesce(calls.report_date, costs.report_date) as report_date,
    'mart_cost_by_number_type' as mart,
    calls.calls,
    costs.calls as mart_calls
from calls
full outer join costs
    on calls.report_date = costs.report_date and coalesce(calls.currency, '') = coalesce(costs.currency, '')
where
    calls.calls is distinct from costs.calls
    or calls.answers is distinct from costs.answers
    or calls.amount is distinct from costs.amount
    or calls.amount_reporting is distinct from costs.amount_reporting

union all

select
    coalesce(days.report_date, quality.report_date) as report_date,
    'mart_quality_by_number_type' as mart,
    days.calls,
    quality.calls as mart_calls
from days
full outer join quality
    on days.report_date = quality.report_date
where
    days.calls is distinct from quality.calls
    or days.answers is distinct from quality.answers
