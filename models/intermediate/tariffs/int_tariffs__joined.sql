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
    where not days.is_landmark and days.day_zone is null
    union all
    select
        days.group_number,
        pairs.duration_seconds,
        pairs.amount,
        pairs.calls,
        pairs.report_date
    from {{ ref('int_tariffs__zone_pairs') }} as pairs
    inner join days
        on
            pairs.report_date = days.report_date
            and pairs.zone = days.day_zone
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

billed as (
    select
        offers.group_number,
        offers.report_date,
        offers.tariff_day,
        offers.preference,
        pairs.calls,
        pairs.duration_seconds,
        pairs.amount - tariffs.fee as amount,
        tariffs.unit,
        tariffs.rounding,
        tariffs.rate,
        {{ billed_seconds('pairs.duration_seconds', 'tariffs.first_seconds', 'tariffs.next_seconds') }}
            as billed
    from offers
    inner join days as tariffs
        on offers.group_number = tariffs.group_number and offers.tariff_day = tariffs.report_date
    inner join pairs
        on offers.group_number = pairs.group_number and offers.report_date = pairs.report_date
),

rated as (
    select
        *,
        case when amount = {{ rated_micros('rate', 'billed', 'unit', 'rounding') }} then calls else 0 end
            as explained_calls
    from billed
),

-- The tariffs that explain enough of a day's calls.
fitting as (
    select
        group_number,
        report_date,
        tariff_day,
        preference,
        cast(sum(explained_calls) as bigint) as explained_calls,
        cast(sum(calls) as bigint) as tested_calls,
        cast(sum(calls * duration_seconds) as bigint) as talk_seconds,
        cast(sum(calls * billed) as bigint) as billed_seconds
    from rated
    group by
        group_number,
        report_date,
        tariff_day,
        preference
    having sum(explained_calls) >= {{ var('rate_min_explained_share') }} * sum(calls)
),

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
