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
        and {{ stale('report_date', looks_back_days=signal_history_days()) }}
    group by
        application_key,
        destination_country,
        report_date
),

settings as (
    {{ signal_settings('new_destination', ['floor', 'min_days', 'full_days', 'short_floor_factor']) }}
),

-- The first day in the look-back window: after so long a silence an application begins a new history.
histories as (
    select
        today.application_key,
        today.report_date,
        {{ days_between('min(past.report_date)', 'today.report_date') }} as days_of_history
    from {{ ref('int_signals__applications_daily') }} as today
    inner join {{ ref('int_signals__applications_daily') }} as past
        on
            today.application_key = past.application_key
            and {{ days_between('past.report_date', 'today.report_date') }}
            between 0 and {{ signal_history_days() }}
    where {{ stale('today.report_date') }}
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

-- For the whole account.
country_days as (
    select
        destination_country,
        report_date,
        lag(report_date) over (partition by destination_country order by report_date) as previous_date
    from (
        select distinct
            destination_country,
            report_date
        from {{ ref('int_signals__destinations_daily') }}
        where
            destination_country is not null
            and {{ stale('report_date', looks_back_days=signal_history_days()) }}
    ) as all_countries
),

judged as (
    select
        with_previous.*,
        histories.days_of_history,
        settings.severity,
        settings.min_days,
        settings.full_days,
        settings.floor
        * case when histories.days_of_history < settings.full_days then settings.short_floor_factor else 1 end
            as least_amount,
        country_days.previous_date is null
        or {{ days_between('country_days.previous_date', 'with_previous.report_date') }} > 90
            as is_new_to_account
    from with_previous
    inner join histories
        on
            with_previous.application_key = histories.application_key
            and with_previous.report_date = histories.report_date
    inner join country_days
        on
            with_previous.destination_country = country_days.destination_country
            and with_previous.report_date = country_days.report_date
    cross join settings
    where
        with_previous.previous_date is null
        or {{ days_between('with_previous.previous_date', 'with_previous.report_date') }} > 90
),

final as (
    select
        'new_destination' as rule,
        report_date as signal_date,
        'application_country' as entity_type,
        application_key as entity,
        destination_country as other_entity,
        application_key,
        severity,
        cast(amount_reporting as double) as observed,
        least_amount as threshold,
        cast(null as double) as baseline,
        calls,
        amount_reporting,
        first_at,
        last_at
    from judged
    where
        amount_reporting > cast(least_amount as decimal(18, 6))
        and days_of_history >= min_days
        and (days_of_history >= full_days or is_new_to_account)
)

select * from final
