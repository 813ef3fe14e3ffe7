with

days as (
    select
        application_key,
        night_charged_calls,
        night_amount_reporting,
        charged,
        night_charged,
        {{ ratio('night_charged', 'charged') }} as night_share,
        {{ ratio('cast(charged as double) * cast(charged as double)', 'charged_squares') }}
            as effective_calls,
        report_date,
        first_night_at,
        last_night_at
    from {{ ref('int_signals__applications_daily') }}
    where {{ stale('report_date', looks_back_days=signal_history_days()) }}
),

settings as (
    {{ signal_settings('off_hours_share', ['z', 'spread', 'min_calls']) }}
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
        {{ ratio('sum(past.night_charged)', 'sum(past.charged)') }} as baseline,
        days.report_date
    from days
    cross join settings
    inner join baseline_days
        on days.report_date = baseline_days.report_date
    inner join days as past
        on days.application_key = past.application_key and baseline_days.past_date = past.report_date
    where
        not {{ clearly_above('settings.min_calls', 'days.effective_calls') }}
        and {{ stale('days.report_date') }}
    group by
        days.application_key,
        days.report_date
),

compared as (
    select
        days.application_key,
        settings.severity,
        days.night_share,
        baselines.baseline,
        baselines.baseline
        + settings.z
        * {{ share_error('baselines.baseline', 'days.effective_calls', 'settings.spread') }} as threshold,
        days.night_charged_calls,
        days.night_amount_reporting,
        days.report_date,
        days.first_night_at,
        days.last_night_at
    from days
    inner join baselines
        on days.application_key = baselines.application_key and days.report_date = baselines.report_date
    cross join settings
),

final as (
    select
        'off_hours_share' as rule,
        report_date as signal_date,
        'application' as entity_type,
        application_key as entity,
        cast(null as {{ dbt.type_string() }}) as other_entity,
        application_key,
        severity,
        night_share as observed,
        threshold,
        baseline,
        night_charged_calls as calls,
        night_amount_reporting as amount_reporting,
        first_night_at as first_at,
        last_night_at as last_at
    from compared
    where {{ clearly_above('night_share', 'threshold') }}
)

select * from final
