{{ incremental_by_day() }}

{%- set money = 'decimal(38, 6)' %}

with

calls as (
    select
        application_key,
        is_answered,
        amount_reporting,
        report_date,
        called_at,
        {{ time_in_zone('called_at', var('reporting_timezone')) }} as called_at_local
    from {{ ref('int_calls__clear') }}
    where application_key is not null and {{ stale('report_date') }}
),

settings as (
    {{ signal_settings('off_hours_share', ['night_from', 'night_until'], also_off=true) }}
),

timed as (
    select
        calls.*,
        coalesce(
            hour(calls.called_at_local) >= settings.night_from
            or hour(calls.called_at_local) < settings.night_until,
            false
        ) as is_night
    from calls
    cross join settings
),

final as (
    select
        application_key,
        count(*) as calls,
        count(*) filter (where not is_answered) as unanswered,
        count(*) filter (where amount_reporting > 0 and is_night) as night_charged_calls,
        cast(sum(amount_reporting) as decimal(38, 6)) as amount_reporting,
        cast(sum(amount_reporting) filter (where is_night) as decimal(38, 6)) as night_amount_reporting,
        cast(
            coalesce(sum(amount_reporting) filter (where amount_reporting > 0), 0) as {{ money }}
        ) as charged,
        cast(
            coalesce(sum(amount_reporting) filter (where amount_reporting > 0 and is_night), 0) as {{ money }}
        ) as night_charged,
        -- 19 digits, one more than the amount has: for two decimals of up to 18 digits DuckDB keeps 18
        cast(
            coalesce(
                sum(cast(amount_reporting as decimal(19, 6)) * amount_reporting) filter (
                    where amount_reporting > 0
                ),
                0
            ) as decimal(38, 12)
        ) as charged_squares,
        report_date,
        min(called_at) as first_at,
        max(called_at) as last_at,
        min(called_at) filter (where amount_reporting > 0 and is_night) as first_night_at,
        max(called_at) filter (where amount_reporting > 0 and is_night) as last_night_at
    from timed
    group by
        application_key,
        report_date
)

select * from final
