with

windows as (
    select * from {{ ref('int_signals__hours_daily') }}
    where {{ stale('report_date') }}
),

settings as (
    {{ signal_settings('irsf_like', ['floor_minutes', 'silent_days']) }}
),

-- The first day in the look-back window: after so long a silence an application begins a new history.
histories as (
    select
        today.application_key,
        today.report_date,
        min(past.report_date) as first_date
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

destination_days as (
    select distinct
        application_key,
        coalesce(costly_range, destination_country) as destination,
        report_date
    from {{ ref('int_signals__destinations_daily') }}
    where {{ stale('report_date', looks_back_days=signal_history_days()) }}
),

-- Before the day and the day before it, so that a burst over midnight is new on its second day, too.
last_traffic as (
    select
        windows.entity_type,
        windows.application_key,
        windows.entity,
        windows.destination,
        windows.report_date,
        max(destination_days.report_date) as last_date
    from windows
    left join destination_days
        on
            windows.application_key = destination_days.application_key
            and windows.destination = destination_days.destination
            and {{ days_between('destination_days.report_date', 'windows.report_date') }}
            between 2 and {{ signal_history_days() }}
    group by
        windows.entity_type,
        windows.application_key,
        windows.entity,
        windows.destination,
        windows.report_date
),

spikes as (
    select
        entity_type,
        application_key,
        entity,
        report_date
    from {{ ref('int_signals__spend_spikes') }}
),

judged as (
    select
        windows.*,
        coalesce(
            last_traffic.last_date is null
            and {{ days_between('histories.first_date', 'windows.report_date') }} >= settings.silent_days,
            false
        ) as is_new,
        spikes.entity is not null as is_spike,
        settings.severity,
        settings.floor_minutes
    from windows
    cross join settings
    inner join last_traffic
        on
            windows.entity_type = last_traffic.entity_type
            and windows.application_key = last_traffic.application_key
            and windows.entity = last_traffic.entity
            and windows.destination = last_traffic.destination
            and windows.report_date = last_traffic.report_date
    inner join histories
        on windows.application_key = histories.application_key and windows.report_date = histories.report_date
    left join spikes
        on
            windows.entity_type = spikes.entity_type
            and windows.application_key = spikes.application_key
            and windows.entity = spikes.entity
            and windows.report_date = spikes.report_date
    where windows.minutes >= settings.floor_minutes
),

final as (
    select
        'irsf_like' as rule,
        report_date as signal_date,
        entity_type,
        entity,
        cast(null as {{ dbt.type_string() }}) as other_entity,
        application_key,
        severity,
        max(minutes) as observed,
        floor_minutes as threshold,
        cast(null as double) as baseline,
        cast(sum(calls) as bigint) as calls,
        cast(sum(amount_reporting) as decimal(38, 6)) as amount_reporting,
        min(first_at) as first_at,
        max(last_at) as last_at
    from judged
    where is_new or is_spike
    group by
        report_date,
        entity_type,
        entity,
        application_key,
        severity,
        floor_minutes
)

select * from final
