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

days as (
    select
        caller,
        callee,
        count(*) as calls,
        report_date
    from calls
    group by
        caller,
        callee,
        report_date
),

with_neighbours as (
    select
        *,
        lag(report_date) over pair as previous_date,
        lag(calls) over pair as previous_calls,
        lead(report_date) over pair as next_date,
        lead(calls) over pair as next_calls
    from days
    window pair as (partition by caller, callee order by report_date)
),

-- A window reaches into the day before, so that both days' calls may make it; other pairs call too seldom.
frequent as (
    select
        with_neighbours.caller,
        with_neighbours.callee,
        with_neighbours.report_date
    from with_neighbours
    cross join settings
    where
        with_neighbours.calls
        + case
            when {{ days_between('with_neighbours.previous_date', 'with_neighbours.report_date') }} = 1
                then with_neighbours.previous_calls
            else 0
        end
        + case
            when {{ days_between('with_neighbours.report_date', 'with_neighbours.next_date') }} = 1
                then with_neighbours.next_calls
            else 0
        end
        >= settings.min_calls
),

windowed as (
    select
        case
            when min(calls.application_key) over quarter = max(calls.application_key) over quarter
                then min(calls.application_key) over quarter
        end as application_key,
        calls.caller,
        calls.callee,
        count(*) over quarter as calls,
        sum(calls.amount_reporting) over quarter as amount_reporting,
        calls.report_date,
        min(calls.called_at) over quarter as first_at,
        calls.called_at as last_at
    from calls
    inner join frequent
        on
            calls.caller = frequent.caller
            and calls.callee = frequent.callee
            and calls.report_date = frequent.report_date
    window quarter as (
        partition by calls.caller, calls.callee
        order by calls.called_at
        range between interval 15 minutes preceding and current row
    )
),

-- The fullest window that ends on the day, of equals the first.
ranked as (
    select
        *,
        row_number() over (
            partition by caller, callee, report_date order by calls desc, last_at asc
        ) as place
    from windowed
),

final as (
    select
        ranked.application_key,
        ranked.caller,
        ranked.callee,
        ranked.calls,
        cast(ranked.amount_reporting as decimal(38, 6)) as amount_reporting,
        ranked.report_date,
        ranked.first_at,
        ranked.last_at
    from ranked
    cross join settings
    where
        ranked.place = 1
        and ranked.calls >= settings.min_calls
        and {{ stale('ranked.report_date') }}
)

select * from final
