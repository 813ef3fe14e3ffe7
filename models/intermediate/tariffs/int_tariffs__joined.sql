{{ config(materialized='table') }}

with

days as (
    select * from {{ ref('int_tariffs__runs') }}
),

pairs as (
    select
        days.group_number,
        pairs.duration_seconds,
        pairs.amount,
        pairs.calls,
        pairs.report_date
    from {{ ref('int_tariffs__pairs') }} as pairs
    inner join days
        on
            pairs.report_date = days.report_date
            and {{ same_tariff_group('pairs', 'days') }}
    where not days.is_landmark
),

-- Days that are ambiguous or have too few calls join the run before or after if its tariff explains them.
-- Otherwise they join the day with the most calls between the same two landmarks, by its best candidate.
run_days as (
    select
        group_number,
        run_start,
        report_date
    from days
    where run_start is not null
),

sized as (
    select
        *,
        row_number() over (
            partition by group_number, landmark_before
            order by
                case when has_enough_calls and status = 'ambiguous' then 0 else 1 end asc,
                calls desc,
                report_date asc
        ) as size_rank
    from days
    where not is_landmark
),

offers as (
    select
        sized.group_number,
        sized.report_date,
        run_days.run_start as tariff_day,
        case when run_days.report_date < sized.report_date then 1 else 2 end as preference
    from sized
    inner join run_days
        on
            sized.group_number = run_days.group_number
            and (sized.landmark_before = run_days.report_date or sized.landmark_after = run_days.report_date)
    union all
    select
        sized.group_number,
        sized.report_date,
        reference.report_date as tariff_day,
        3 as preference
    from sized
    inner join sized as reference
        on
            sized.group_number = reference.group_number
            and coalesce(sized.landmark_before, date '0001-01-01')
            = coalesce(reference.landmark_before, date '0001-01-01')
    where reference.size_rank = 1 and reference.has_enough_calls and reference.status = 'ambiguous'
),

{{ tariffs_that_fit('fitting', 'offers', 'days') }},

chosen as (
    select
        *,
        row_number() over (partition by group_number, report_date order by preference) as choice
    from fitting
),

final as (
    select
        group_number,
        report_date,
        tariff_day,
        case when preference = 3 then 'ambiguous' else 'clear' end as tariff_state,
        explained_calls,
        tested_calls,
        talk_seconds,
        billed_seconds
    from chosen
    where choice = 1
)

select * from final
