with

days as (
    select
        application_key,
        destination_country,
        cast(sum(calls) as bigint) as calls,
        cast(sum(delayed_answers) as bigint) as delayed_answers,
        cast(sum(fast_answers) as bigint) as fast_answers,
        {{ ratio('sum(short_completed)', 'sum(hang_ups)') }} as short_share,
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
    {{ signal_settings(
        'fas_like', ['min_bids', 'min_fast_share', 'max_norm', 'mad_factor', 'min_mad', 'min_days'],
    ) }}
),

candidates as (
    select
        days.application_key,
        days.destination_country,
        days.calls,
        days.short_share,
        {{ ratio('days.fast_answers', 'days.delayed_answers') }} as fast_share,
        days.amount_reporting,
        settings.severity,
        settings.min_fast_share,
        settings.max_norm,
        settings.mad_factor,
        settings.min_mad,
        settings.min_days,
        days.report_date,
        days.first_at,
        days.last_at
    from days
    cross join settings
    where days.calls >= settings.min_bids
),

dates as (
    select distinct report_date from days
),

baseline_days as (
    {{ baseline_days('dates', 28) }}
),

countries as (
    select
        destination_country,
        sum(delayed_answers) as delayed_answers,
        sum(fast_answers) as fast_answers,
        report_date
    from days
    group by
        destination_country,
        report_date
),

norms as (
    select
        countries.destination_country,
        {{ ratio('sum(past.fast_answers)', 'sum(past.delayed_answers)') }} as norm,
        countries.report_date
    from countries
    inner join baseline_days
        on countries.report_date = baseline_days.report_date
    inner join countries as past
        on
            countries.destination_country = past.destination_country
            and baseline_days.past_date = past.report_date
    where {{ stale('countries.report_date') }}
    group by
        countries.destination_country,
        countries.report_date
),

-- Days with too few calls are not part of the baseline either.
baselines as (
    {{ median_and_mad(
        'candidates', 'candidates', 'baseline_days', ['application_key', 'destination_country'], 'short_share'
    ) }}
),

compared as (
    select
        candidates.*,
        norms.norm,
        coalesce(
            candidates.fast_share >= candidates.min_fast_share and norms.norm < candidates.max_norm, false
        ) as is_fast,
        baselines.median as short_baseline,
        case
            when baselines.baseline_days >= candidates.min_days
                then baselines.median + candidates.mad_factor * greatest(baselines.mad, candidates.min_mad)
        end as short_threshold
    from candidates
    left join norms
        on
            candidates.destination_country = norms.destination_country
            and candidates.report_date = norms.report_date
    left join baselines
        on
            candidates.application_key = baselines.application_key
            and candidates.destination_country = baselines.destination_country
            and candidates.report_date = baselines.report_date
),

final as (
    select
        'fas_like' as rule,
        report_date as signal_date,
        'application_country' as entity_type,
        application_key as entity,
        destination_country as other_entity,
        application_key,
        severity,
        case when is_fast then fast_share else short_share end as observed,
        case when is_fast then min_fast_share else short_threshold end as threshold,
        case when is_fast then norm else short_baseline end as baseline,
        calls,
        amount_reporting,
        first_at,
        last_at
    from compared
    where
        (is_fast or {{ clearly_above('short_share', 'short_threshold') }})
        and {{ stale('report_date') }}
)

select * from final
