with

days as (
    select
        application_key,
        destination_country,
        cast(sum(calls) as bigint) as calls,
        cast(sum(amount_reporting) as decimal(38, 6)) as amount_reporting,
        report_date,
        min(first_at) as first_at,
        max(last_at) as last_at
    from {{ ref('int_signals__destinations_daily') }}
    where
        application_key is not null
        and destination_country is not null
        and {{ signal_days('report_date', looks_back_days=signal_history_days()) }}
    group by
        application_key,
        destination_country,
        report_date
),

settings as (
    {{ signal_settings('new_destination', ['floor', 'silent_days']) }}
),

-- The first day within reach: an application that was silent so long begins a new history.
histories as (
    select
        today.application_key,
        today.report_date,
        min(past.report_date) as first_date
    from {{ ref('int_signals__applications_daily') }} as today
    inner join {{ ref('int_signals__applications_daily') }} as past
        on
            today.application_key = past.application_key
            and {{ days_between('past.report_date', 'today.report_date') }} between 0 and 91
    where {{ signal_days('today.report_date') }}
    group by
        today.application_key,
        today.report_date
),

with_previous as (
    select
        *,
        lag(report_date)
            over (partition by application_key, destination_country order by report_date)
            as previous_date
    from days
),

final as (
    select
        'new_destination' as rule,
        with_previous.report_date as signal_date,
        'application_country' as entity_type,
        with_previous.application_key as entity,
        with_previous.destination_country as other_entity,
        with_previous.application_key,
        settings.severity,
        cast(with_previous.amount_reporting as double) as observed,
        settings.floor as threshold,
        cast(null as double) as baseline,
        with_previous.calls,
        with_previous.amount_reporting,
        with_previous.first_at,
        with_previous.last_at
    from with_previous
    inner join histories
        on
            with_previous.application_key = histories.application_key
            and with_previous.report_date = histories.report_date
    cross join settings
    where
        cast(with_previous.amount_reporting as double) > settings.floor
        and (
            with_previous.previous_date is null
            or {{ days_between('with_previous.previous_date', 'with_previous.report_date') }} > 90
        )
        and {{ days_between('histories.first_date', 'with_previous.report_date') }} >= settings.silent_days
)

select * from final
