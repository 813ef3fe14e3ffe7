{{ config(materialized='table') }}

with

days as (
    select * from {{ ref('int_tariffs__runs') }}
),

joined as (
    select * from {{ ref('int_tariffs__joined') }}
),

labels as (
    select * from {{ ref('int_tariffs__zone_labels') }}
),

-- Remaining ambiguous days are one period while their best candidates agree.
left_over as (
    select
        days.*,
        lag(days.increment) over of_group as increment_before,
        lag(days.rounding) over of_group as rounding_before,
        lag(days.fee) over of_group as fee_before,
        lag(days.low) over of_group as low_before,
        lag(days.high) over of_group as high_before
    from days
    left join joined
        on days.group_number = joined.group_number and days.report_date = joined.report_date
    where days.status = 'ambiguous' and days.has_enough_calls and joined.report_date is null
    window of_group as (partition by days.group_number order by days.report_date)
),

left_over_runs as (
    select
        group_number,
        report_date,
        max(
            case
                when
                    increment = increment_before
                    and rounding = rounding_before
                    and fee = fee_before
                    and low < high_before
                    and low_before < high
                    then null
                else report_date
            end
        ) over (partition by group_number order by report_date) as tariff_day
    from left_over
),

-- A period has the tariff of one of its days, or of a day that it joined.
measured as (
    select
        days.country_number,
        days.group_number as tariff_number,
        labels.zone_label as zone,
        row_number() over (
            partition by days.country_number, labels.zone_label, days.report_date
            order by days.calls desc, days.group_number asc
        ) as choice,
        days.report_date,
        case
            when days.is_landmark then days.status
            when joined.report_date is not null then joined.tariff_state
            when left_over_runs.report_date is not null then 'ambiguous'
        end as tariff_state,
        coalesce(days.run_start, joined.tariff_day, left_over_runs.tariff_day) as tariff_day,
        days.calls,
        days.status,
        coalesce(joined.explained_calls, days.explained_calls) as explained_calls,
        coalesce(joined.tested_calls, days.calls) as tested_calls,
        coalesce(joined.talk_seconds, days.talk_seconds) as talk_seconds,
        coalesce(joined.billed_seconds, days.billed_seconds) as billed_seconds,
        days.runner_up,
        days.runner_up_calls,
        days.unit
    from days
    left join joined
        on days.group_number = joined.group_number and days.report_date = joined.report_date
    left join left_over_runs
        on
            days.group_number = left_over_runs.group_number
            and days.report_date = left_over_runs.report_date
    left join labels
        on days.group_number = labels.group_number and days.report_date = labels.report_date
    where days.day_zone is null or labels.zone_label is not null
),

placed as (
    select
        country_number,
        cast(
            dense_rank() over (order by country_number, zone nulls first) as bigint
        ) as group_number,
        tariff_number,
        zone,
        report_date,
        tariff_state,
        tariff_day,
        calls,
        explained_calls,
        tested_calls,
        talk_seconds,
        billed_seconds,
        case when status = tariff_state then runner_up end as runner_up,
        case when status = tariff_state then runner_up_calls end as runner_up_calls,
        case when status = tariff_state then calls end as runner_up_tested,
        unit,
        coalesce(
            lag(tariff_state) over of_group = tariff_state
            and lag(tariff_number) over of_group = tariff_number
            and coalesce(lag(tariff_day) over of_group, date '0001-01-01')
            = coalesce(tariff_day, date '0001-01-01'),
            false
        ) as continues
    from measured
    where tariff_state is not null and choice = 1
    window of_group as (partition by country_number, zone order by report_date)
),

in_runs as (
    select
        *,
        max(case when not continues then report_date end) over (
            partition by group_number
            order by report_date
        ) as first_date
    from placed
),

-- A zone's tariff is believed when it is there on a second day.
believed as (
    select
        *,
        count(*) over (partition by group_number, first_date) as run_days
    from in_runs
),

in_zones as (
    select
        country_number,
        report_date,
        sum(calls) as calls
    from believed
    where zone is not null and run_days > 1
    group by
        country_number,
        report_date
),

-- What zones explain of a day is not unexplained.
in_periods as (
    select
        believed.group_number,
        believed.tariff_number,
        believed.zone,
        believed.first_date,
        believed.report_date,
        believed.tariff_state,
        believed.tariff_day,
        believed.calls - coalesce(in_zones.calls, 0) as calls,
        case when in_zones.calls is null then believed.explained_calls else 0 end as explained_calls,
        believed.tested_calls - coalesce(in_zones.calls, 0) as tested_calls,
        believed.talk_seconds,
        believed.billed_seconds,
        case when in_zones.calls is null then believed.runner_up end as runner_up,
        case when in_zones.calls is null then believed.runner_up_calls end as runner_up_calls,
        case when in_zones.calls is null then believed.runner_up_tested end as runner_up_tested,
        believed.unit
    from believed
    left join in_zones
        on
            believed.country_number = in_zones.country_number
            and believed.report_date = in_zones.report_date
            and believed.zone is null
    where
        (believed.zone is null or believed.run_days > 1)
        and believed.calls > coalesce(in_zones.calls, 0)
),

runners_up as (
    select
        group_number,
        first_date,
        runner_up,
        row_number() over (
            partition by group_number, first_date
            order by sum(runner_up_calls) desc, runner_up asc
        ) as place
    from in_periods
    where runner_up is not null
    group by
        group_number,
        first_date,
        runner_up
),

periods as (
    select
        group_number,
        tariff_number,
        zone,
        first_date,
        min(report_date) as valid_from,
        max(report_date) as valid_to,
        max(tariff_state) as tariff_state,
        max(coalesce(tariff_day, report_date)) as priced_day,
        {{ whole('sum(calls)') }} as calls,
        {{ whole('sum(explained_calls)') }} as explained_calls,
        {{ whole('sum(tested_calls)') }} as tested_calls,
        cast(sum(runner_up_calls) as bigint) as runner_up_calls,
        cast(sum(runner_up_tested) as bigint) as runner_up_tested,
        {{ whole('sum(talk_seconds)') }} as talk_seconds,
        {{ whole('sum(billed_seconds)') }} as billed_seconds,
        min(unit) as unit
    from in_periods
    group by
        group_number,
        tariff_number,
        zone,
        first_date
),

priced as (
    select
        periods.*,
        days.call_type,
        days.application_key,
        days.destination_country,
        days.currency,
        case
            when periods.tariff_state = 'clear' then days.increment
            else periods.tariff_state
        end as increment,
        days.rounding,
        days.first_seconds,
        days.next_seconds,
        cast(round(cast(periods.talk_seconds as double) / periods.tested_calls) as bigint) as average_seconds,
        {{ price_of_rate('days.rate') }} as rate_per_minute,
        {{ amount_of_micros('days.fee') }} as connection_fee,
        runners_up.runner_up
    from periods
    inner join days
        on periods.tariff_number = days.group_number and periods.priced_day = days.report_date
    left join runners_up
        on
            periods.group_number = runners_up.group_number
            and periods.first_date = runners_up.first_date
            and runners_up.place = 1
),

-- An unexplained period has no price.
final as (
    select
        group_number,
        call_type,
        application_key,
        destination_country,
        zone,
        currency,
        tariff_state,
        increment,
        case when tariff_state <> 'unexplained' then rounding end as rounding,
        runner_up,
        first_seconds,
        next_seconds,
        unit,
        average_seconds,
        calls,
        explained_calls,
        tested_calls,
        runner_up_calls,
        runner_up_tested,
        talk_seconds,
        billed_seconds,
        case when tariff_state <> 'unexplained' then rate_per_minute end as rate_per_minute,
        case when tariff_state <> 'unexplained' then connection_fee end as connection_fee,
        valid_from,
        valid_to
    from priced
)

select * from final
