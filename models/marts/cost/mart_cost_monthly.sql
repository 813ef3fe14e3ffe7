{{ config(materialized='table') }}

with

days as (
    select
        application_key,
        currency,
        calls,
        answers,
        unconverted_calls,
        minutes,
        amount,
        amount_reporting,
        {{ month_of('report_date') }} as month
    from {{ ref('mart_cost_daily') }}
),

gaps as (
    select
        month,
        missing_days
    from {{ missing_feed_days() }} as feed
),

months as (
    select
        month,
        application_key,
        currency,
        {{ whole('sum(calls)') }} as calls,
        {{ whole('sum(answers)') }} as answers,
        -- whole seconds again: sums of fractions depend on their order
        {{ whole('sum(cast(round(minutes * 60) as bigint))') }} as talk_seconds,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting,
        {{ whole('sum(unconverted_calls)') }} as unconverted_calls
    from days
    group by
        month,
        application_key,
        currency
),

final as (
    select
        months.month,
        months.application_key,
        months.currency,
        months.calls,
        months.answers,
        cast(months.talk_seconds as double) / 60 as minutes,
        cast(months.amount as decimal(38, 6)) as amount,
        cast(months.amount_reporting as decimal(38, 6)) as amount_reporting,
        months.unconverted_calls,
        cast(previous.amount as decimal(38, 6)) as previous_amount,
        {{ ratio('100 * (months.amount - previous.amount)', 'previous.amount') }} as amount_change_pct,
        {{ whole('gaps.missing_days') }} as missing_feed_days
    from months
    left join months as previous
        on
            cast(months.month - interval 1 month as date) = previous.month
            and months.application_key is not distinct from previous.application_key
            and months.currency is not distinct from previous.currency
    left join gaps
        on months.month = gaps.month
)

select * from final
