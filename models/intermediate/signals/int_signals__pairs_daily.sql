{{ incremental_by_day(looks_back_days=1) }}

with

calls as (
    select
        application_key,
        caller_e164 as caller,
        callee_e164 as callee,
        amount_reporting,
        report_date,
        called_at
    from {{ ref('int_calls__clear') }}
    where
        caller_e164 is not null
        and callee_e164 is not null
        and {{ stale('report_date', looks_back_days=1) }}
),

settings as (
    {{ signal_settings('targeted_pumping', ['min_calls'], also_off=true) }}
),

-- Small numbers instead of long keys, for the few pairs with enough calls over all days read.
pairs as (
    select
        row_number() over (order by frequent.caller, frequent.callee) as pair_id,
        frequent.caller,
        frequent.callee
    from (
        select
            calls.caller,
            calls.callee
        from calls
        cross join settings
        group by
            calls.caller,
            calls.callee
        having count(*) >= max(settings.min_calls)
    ) as frequent
),

paired as (
    select
        pairs.pair_id,
        calls.application_key,
        calls.amount_reporting,
        calls.report_date,
        calls.called_at
    from calls
    inner join pairs
        on calls.caller = pairs.caller and calls.callee = pairs.callee
),

late as (
    select
        *,
        hour({{ time_in_zone('called_at', var('reporting_timezone')) }}) as local_hour
    from paired
    where hour({{ time_in_zone('called_at', var('reporting_timezone')) }}) >= 21
),

late_windows as (
    select
        pair_id,
        count(*) over (
            partition by pair_id, report_date
            order by called_at
            range between interval 15 minutes preceding and current row
        ) as calls,
        report_date,
        called_at as last_at
    from late
),

-- End of a day's own windows: later calls are open to windows of the next day, so windows of a pair share no
-- call. It depends on the day alone, not on the chain of days before it.
closed as (
    select
        late_windows.pair_id,
        late_windows.report_date,
        max(late_windows.last_at) as closed_at
    from late_windows
    cross join settings
    where late_windows.calls >= settings.min_calls
    group by
        late_windows.pair_id,
        late_windows.report_date
),

-- The calls of each day's windows: its own, and the evening before's that are open.
reachable as (
    select
        pair_id,
        application_key,
        amount_reporting,
        true as is_of_day,
        report_date,
        called_at
    from paired

    union all

    select
        late.pair_id,
        late.application_key,
        late.amount_reporting,
        false as is_of_day,
        {{ add_days('late.report_date', 1) }} as report_date,
        late.called_at
    from late
    left join closed
        on late.pair_id = closed.pair_id and late.report_date = closed.report_date
    where late.local_hour >= 22 and coalesce(late.called_at > closed.closed_at, true)
),

windowed as (
    select
        pair_id,
        case
            when min(application_key) over quarter = max(application_key) over quarter
                then min(application_key) over quarter
        end as application_key,
        count(*) over quarter as calls,
        sum(amount_reporting) over quarter as amount_reporting,
        is_of_day,
        report_date,
        min(called_at) over quarter as first_at,
        called_at as last_at
    from reachable
    window quarter as (
        partition by pair_id, report_date
        order by called_at
        range between interval 15 minutes preceding and current row
    )
),

-- The fullest window that ends on the day, the first of equals.
ranked as (
    select
        windowed.*,
        row_number() over (
            partition by windowed.pair_id, windowed.report_date
            order by windowed.calls desc, windowed.last_at asc
        ) as place
    from windowed
    cross join settings
    where
        windowed.calls >= settings.min_calls
        and windowed.is_of_day
        and {{ stale('windowed.report_date') }}
),

final as (
    select
        ranked.application_key,
        pairs.caller,
        pairs.callee,
        ranked.calls,
        cast(ranked.amount_reporting as decimal(38, 6)) as amount_reporting,
        ranked.report_date,
        ranked.first_at,
        ranked.last_at
    from ranked
    inner join pairs
        on ranked.pair_id = pairs.pair_id
    where ranked.place = 1
)

select * from final
