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
    where amount_reporting > 0 and {{ stale('report_date', looks_back_days=signal_history_days()) }}
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
    where amount_reporting > 0 and {{ stale('report_date', looks_back_days=signal_history_days()) }}
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
        'spend_spike',
        [
            'mad_factor', 'min_mad', 'median_factor', 'floor', 'min_days', 'short_min_days', 'short_median_factor',
        ],
        also_off=true,
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
    where
        history.amount_reporting > cast(settings.floor as decimal(18, 6))
        and {{ stale('history.report_date') }}
),

dates as (
    select distinct report_date from history
),

days_of_type as (
    {{ baseline_days('dates', 28, same='day_type') }}
),

of_type as (
    {{ median_and_mad(
        'candidates', 'history', 'days_of_type', ['entity_type', 'application_key', 'entity'], 'log_amount',
        plain='amount_reporting',
    ) }}
),

-- With too few days of its type, a day is compared with all days and must be further above them.
short_candidates as (
    select
        candidates.entity_type,
        candidates.application_key,
        candidates.entity,
        candidates.report_date
    from candidates
    cross join settings
    left join of_type
        on
            candidates.entity_type = of_type.entity_type
            and candidates.application_key = of_type.application_key
            and candidates.entity = of_type.entity
            and candidates.report_date = of_type.report_date
    where coalesce(of_type.baseline_days, 0) < settings.min_days
),

all_days as (
    {{ baseline_days('dates', 28) }}
),

of_all as (
    {{ median_and_mad(
        'short_candidates', 'history', 'all_days', ['entity_type', 'application_key', 'entity'], 'log_amount',
        plain='amount_reporting',
    ) }}
),

baselines as (
    {% for baseline, min_days, factor in [
        ('of_type', 'min_days', 'median_factor'), ('of_all', 'short_min_days', 'short_median_factor'),
    ] -%}
    select
        {{ baseline }}.entity_type,
        {{ baseline }}.application_key,
        {{ baseline }}.entity,
        {{ baseline }}.lower_middle,
        {{ baseline }}.upper_middle,
        {{ plain_median(baseline ~ '.lower_middle', baseline ~ '.upper_middle') }} as baseline,
        {{ baseline }}.median
        + settings.mad_factor * greatest({{ baseline }}.mad, settings.min_mad) as log_threshold,
        settings.{{ factor }} as median_factor,
        settings.floor,
        {{ baseline }}.report_date
    from {{ baseline }}
    cross join settings
    where {{ baseline }}.baseline_days >= settings.{{ min_days }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        history.entity_type,
        nullif(history.application_key, '') as application_key,
        history.entity,
        history.calls,
        history.amount_reporting,
        baselines.baseline,
        greatest(
            exp(baselines.log_threshold), baselines.median_factor * baselines.baseline, baselines.floor
        ) as threshold,
        history.report_date,
        history.first_at,
        history.last_at
    from history
    inner join baselines
        on
            history.entity_type = baselines.entity_type
            and history.application_key = baselines.application_key
            and history.entity = baselines.entity
            and history.report_date = baselines.report_date
    where
        {{ clearly_above('history.log_amount', 'baselines.log_threshold') }}
        and {{ above_median(
            'history.amount_reporting', 'baselines.median_factor', 'baselines.lower_middle', 'baselines.upper_middle',
        ) }}
)

select * from final
