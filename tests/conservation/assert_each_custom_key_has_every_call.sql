-- noqa: disable=references.keywords
-- Calls, answers and money of each key of the variable custom_keys, by day, application and currency: those
-- of mart_cost_by_custom are those of mart_cost_daily; bids and answers of mart_quality_by_custom those of
-- mart_quality_daily.
with

keys as (
    {% for key in custom_keys() -%}
    select '{{ key.key }}' as key
    {{ 'union all' if not loop.last }}
    {% else -%}
    select cast(null as {{ dbt.type_string() }}) as key
    where false
    {% endfor %}
),

costs as (
    select
        'mart_cost_by_custom' as mart,
        keys.key,
        daily.report_date,
        daily.application_key,
        daily.currency,
        sum(daily.calls) as calls,
        sum(daily.answers) as answers,
        sum(daily.amount) as amount,
        sum(daily.amount_reporting) as amount_reporting
    from {{ ref('mart_cost_daily') }} as daily
    cross join keys
    where {{ lately_reported() }}
    group by
        keys.key,
        daily.report_date,
        daily.application_key,
        daily.currency
    union all
    select
        'mart_quality_by_custom' as mart,
        keys.key,
        daily.report_date,
        daily.application_key,
        cast(null as {{ dbt.type_string() }}) as currency,
        sum(daily.bids) as calls,
        sum(daily.answers) as answers,
        cast(null as decimal(38, 6)) as amount,
        cast(null as decimal(38, 6)) as amount_reporting
    from {{ ref('mart_quality_daily') }} as daily
    cross join keys
    where {{ lately_reported() }}
    group by
        keys.key,
        daily.report_date,
        daily.application_key
),

by_custom as (
    select
        'mart_cost_by_custom' as mart,
        key,
        report_date,
        application_key,
        currency,
        sum(calls) as calls,
        sum(answers) as answers,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting
    from {{ ref('mart_cost_by_custom') }}
    where {{ lately_reported() }}
    group by
        key,
        report_date,
        application_key,
        currency
    union all
    select
        'mart_quality_by_custom' as mart,
        key,
        report_date,
        application_key,
        cast(null as {{ dbt.type_string() }}) as currency,
        sum(bids) as calls,
        sum(answers) as answers,
        cast(null as decimal(38, 6)) as amount,
        cast(null as decimal(38, 6)) as amount_reporting
    from {{ ref('mart_quality_by_custom') }}
    where {{ lately_reported() }}
    group by
        key,
        report_date,
        application_key
)

select
    coalesce(costs.mart, by_custom.mart) as mart,
    coalesce(costs.key, by_custom.key) as key,
    coalesce(costs.report_date, by_custom.report_date) as report_date,
    costs.calls,
    by_custom.calls as mart_calls
from costs
full outer join by_custom
    on
        costs.mart = by_custom.mart
        and costs.key = by_custom.key
        and costs.report_date = by_custom.report_date
        and coalesce(costs.application_key, '') = coalesce(by_custom.application_key, '')
        and coalesce(costs.currency, '') = coalesce(by_custom.currency, '')
where
    costs.calls is distinct from by_custom.calls
    or costs.answers is distinct from by_custom.answers
    or costs.amount is distinct from by_custom.amount
    or costs.amount_reporting is distinct from by_custom.amount_reporting
