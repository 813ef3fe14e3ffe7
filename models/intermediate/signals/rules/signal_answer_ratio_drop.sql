with

days as (
    select
        application_key,
        destination_country,
        cast(sum(calls) as bigint) as calls,
        cast(sum(seizures) as bigint) as seizures,
        cast(sum(answers) as bigint) as answers,
        cast(sum(amount_reporting) as decimal(38, 6)) as amount_reporting,
        report_date,
        min(first_at) as first_at,
        max(last_at) as last_at
    from {{ ref('int_signals__destinations_daily') }}
    where
        application_key is not null
        and destination_country is not null
        and {{ stale('report_date', looks_back_days=signal_history_days()) }}
    group by
        application_key,
        destination_country,
        report_date
),

settings as (
    {{ signal_settings('answer_ratio_drop', ['z', 'spread', 'min_seizures']) }}
),

dates as (
    select distinct report_date from days
),

baseline_days as (
    {{ baseline_days('dates', 56, same='weekday') }}
),

baselines as (
    select
        days.application_key,
        days.destination_country,
        {{ ratio('sum(past.answers)', 'sum(past.seizures)') }} as baseline,
        days.report_date
    from days
    cross join settings
    inner join baseline_days
        on days.report_date = baseline_days.report_date
    inner join days as past
        on
            days.application_key = past.application_key
            and days.destination_country = past.destination_country
            and baseline_days.past_date = past.report_date
    where days.seizures >= settings.min_seizures and {{ stale('days.report_date') }}
    group by
        days.application_key,
        days.destination_country,
        days.report_date
),

compared as (
    select
        days.application_key,
        days.destination_country,
        settings.severity,
        {{ ratio('days.answers', 'days.seizures') }} as answer_ratio,
        baselines.baseline,
        baselines.baseline
        - settings.z
        * {{ share_error('baselines.baseline', 'days.seizures', 'settings.spread') }} as threshold,
        days.calls,
        days.amount_reporting,
        days.report_date,
        days.first_at,
        days.last_at
    from days
    inner join baselines
        on
            days.application_key = baselines.application_key
            and days.destination_country = baselines.destination_country
            and days.report_date = baselines.report_date
    cross join settings
),

final as (
    select
        'answer_ratio_drop' as rule,
        report_date as signal_date,
        'application_country' as entity_type,
        application_key as entity,
        destination_country as other_entity,
        application_key,
        severity,
        answer_ratio as observed,
        threshold,
        baseline,
        calls,
        amount_reporting,
        first_at,
        last_at
    from compared
    where {{ clearly_above('threshold', 'answer_ratio') }}
)

select * from final
