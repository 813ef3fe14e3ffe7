with

history as (
    select
        *,
        ln(cast(calls as double)) as log_calls,
        case when minutes > 0 then ln(minutes) end as log_minutes
    from {{ ref('int_signals__own_numbers_daily') }}
    where {{ stale('report_date', looks_back_days=signal_history_days()) }}
),

settings as (
    {{ signal_settings(
        'toll_free_pumping',
        ['mad_factor', 'min_mad', 'median_factor', 'floor_calls', 'floor_minutes', 'min_days', 'min_repeated_share'],
    ) }}
),

candidates as (
    select
        history.callee,
        history.report_date
    from history
    cross join settings
    where
        {{ stale('history.report_date') }}
        and history.calls > settings.floor_calls
        and history.minutes > settings.floor_minutes
        and history.repeated_calls >= settings.min_repeated_share * history.calls
),

dates as (
    select distinct report_date from history
),

baseline_days as (
    {{ baseline_days('dates', 28, same='day_type') }}
),

calls_baselines as (
    {{ median_and_mad('candidates', 'history', 'baseline_days', ['callee'], 'log_calls', plain='calls') }}
),

minutes_baselines as (
    {{ median_and_mad('candidates', 'history', 'baseline_days', ['callee'], 'log_minutes', plain='minutes') }}
),

limits as (
    select
        calls_baselines.callee,
        settings.severity,
        calls_baselines.lower_middle,
        calls_baselines.upper_middle,
        {{ plain_median('calls_baselines.lower_middle', 'calls_baselines.upper_middle') }} as baseline,
        (minutes_baselines.lower_middle + minutes_baselines.upper_middle) / 2 as minutes_baseline,
        calls_baselines.median
        + settings.mad_factor * greatest(calls_baselines.mad, settings.min_mad) as log_calls_threshold,
        minutes_baselines.median
        + settings.mad_factor * greatest(minutes_baselines.mad, settings.min_mad) as log_minutes_threshold,
        settings.median_factor,
        settings.floor_calls,
        calls_baselines.report_date
    from calls_baselines
    inner join minutes_baselines
        on calls_baselines.callee = minutes_baselines.callee
            and calls_baselines.report_date = minutes_baselines.report_date
    cross join settings
    where
        calls_baselines.baseline_days >= settings.min_days
        and minutes_baselines.baseline_days >= settings.min_days
),

final as (
    select
        'toll_free_pumping' as rule,
        history.report_date as signal_date,
        'callee' as entity_type,
        history.callee as entity,
        cast(null as {{ dbt.type_string() }}) as other_entity,
        history.application_key,
        limits.severity,
        cast(history.calls as double) as observed,
        greatest(
            exp(limits.log_calls_threshold), limits.median_factor * limits.baseline, limits.floor_calls
        ) as threshold,
        limits.baseline,
        history.calls,
        history.amount_reporting,
        history.first_at,
        history.last_at
    from history
    inner join limits
        on history.callee = limits.callee and history.report_date = limits.report_date
    where
        {{ clearly_above('history.log_calls', 'limits.log_calls_threshold') }}
        and {{ above_median(
            'history.calls', 'limits.median_factor', 'limits.lower_middle', 'limits.upper_middle',
        ) }}
        and {{ clearly_above('history.log_minutes', 'limits.log_minutes_threshold') }}
        and {{ clearly_above('history.minutes', 'limits.median_factor * limits.minutes_baseline') }}
)

select * from final
