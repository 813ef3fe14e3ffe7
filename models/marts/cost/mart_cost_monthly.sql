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

feed as (
    select
        missing_feed_days,
        days_with_files,
        is_whole_month,
        month
    from {{ ref('int_feed__months') }}
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

compared as (
    select
        months.*,
        previous.amount as previous_amount,
        {{ whole('feed.missing_feed_days') }} as missing_feed_days,
        {{ whole('feed.days_with_files') }} as days_with_files,
        {{ whole('previous_feed.days_with_files') }} as previous_days_with_files,
        coalesce(feed.is_whole_month, false) as is_whole_month,
        coalesce(previous_feed.is_whole_month, false) as is_previous_whole
    from months
    left join months as previous
        on
            cast(months.month - interval 1 month as date) = previous.month
            and months.application_key is not distinct from previous.application_key
            and months.currency is not distinct from previous.currency
    left join feed
        on months.month = feed.month
    left join feed as previous_feed
        on cast(months.month - interval 1 month as date) = previous_feed.month
),

-- Amounts per day with files, both multiplied by the days of both months.
extrapolated as (
    select
        *,
        cast(amount as double) * previous_days_with_files as extrapolated_amount,
        cast(previous_amount as double) * days_with_files as extrapolated_previous_amount
    from compared
),

final as (
    select
        month,
        application_key,
        currency,
        calls,
        answers,
        cast(talk_seconds as double) / 60 as minutes,
        cast(amount as decimal(38, 6)) as amount,
        cast(amount_reporting as decimal(38, 6)) as amount_reporting,
        unconverted_calls,
        cast(previous_amount as decimal(38, 6)) as previous_amount,
        case
            when is_whole_month and is_previous_whole
                then {{ ratio('100 * (amount - previous_amount)', 'previous_amount') }}
        end as amount_change_pct,
        days_with_files,
        previous_days_with_files,
        {{ ratio(
            '100 * (extrapolated_amount - extrapolated_previous_amount)',
            'extrapolated_previous_amount'
        ) }} as daily_amount_change_pct,
        missing_feed_days,
        is_whole_month
    from extrapolated
)

select * from final
