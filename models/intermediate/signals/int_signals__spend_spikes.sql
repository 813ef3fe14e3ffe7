{{ config(materialized='ephemeral') }}

with

applications as (
    select
        'application' as entity_type,
        application_key,
        application_key as entity,
        calls,
        amount_reporting,
        report_date,
        first_at,
        last_at
    from {{ ref('int_signals__applications_daily') }}
    where amount_reporting > 0 and {{ signal_days('report_date', looks_back_days=signal_history_days()) }}
),

users as (
    select
        'user' as entity_type,
        coalesce(application_key, '') as application_key,
        user_id as entity,
        calls,
        amount_reporting,
        report_date,
        first_at,
        last_at
    from {{ ref('int_signals__users_daily') }}
    where amount_reporting > 0 and {{ signal_days('report_date', looks_back_days=signal_history_days()) }}
),

history as (
    select
        entity_type,
        application_key,
        entity,
        calls,
        amount_reporting,
        ln(cast(amount_reporting as double)) as log_amount,
        report_date,
        first_at,
        last_at
    from applications

    union all

    select
        entity_type,
        application_key,
        entity,
        calls,
        amount_reporting,
        ln(cast(amount_reporting as double)) as log_amount,
        report_date,
        first_at,
        last_at
    from users
),

settings as (
    {{ signal_settings(
        'spend_spike', ['mad_factor', 'min_mad', 'median_factor', 'floor', 'min_days'], also_off=true,
    ) }}
),

-- Only days above the floor need a baseline.
candidates as (
    select
        history.entity_type,
        history.application_key,
        history.entity,
        history.report_date
    from history
    cross join settings
    where history.amount_reporting > settings.floor and {{ signal_days('history.report_date') }}
),

dates as (
    select distinct report_date from history
),

baseline_days as (
    {{ baseline_days('dates', 28, same='day_type') }}
),

baselines as (
    {{ median_and_mad(
        'candidates', 'history', 'baseline_days', ['entity_type', 'application_key', 'entity'], 'log_amount',
    ) }}
),

limits as (
    select
        baselines.entity_type,
        baselines.application_key,
        baselines.entity,
        exp(baselines.median) as baseline,
        greatest(
            exp(baselines.median + settings.mad_factor * greatest(baselines.mad, settings.min_mad)),
            settings.median_factor * exp(baselines.median),
            settings.floor
        ) as threshold,
        baselines.report_date
    from baselines
    cross join settings
    where baselines.baseline_days >= settings.min_days
),

final as (
    select
        history.entity_type,
        nullif(history.application_key, '') as application_key,
        history.entity,
        history.calls,
        history.amount_reporting,
        limits.baseline,
        limits.threshold,
        history.report_date,
        history.first_at,
        history.last_at
    from history
    inner join limits
        on
            history.entity_type = limits.entity_type
            and history.application_key = limits.application_key
            and history.entity = limits.entity
            and history.report_date = limits.report_date
    where cast(history.amount_reporting as double) > limits.threshold
)

select * from final
