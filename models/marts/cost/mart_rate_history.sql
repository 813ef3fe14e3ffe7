{{ config(materialized='table') }}

with

days as (
    select * from {{ ref('int_tariffs__runs') }}
),

joined as (
    select * from {{ ref('int_tariffs__joined') }}
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
        days.group_number,
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
        days.runner_up_calls
    from days
    left join joined
        on days.group_number = joined.group_number and days.report_date = joined.report_date
    left join left_over_runs
        on
            days.group_number = left_over_runs.group_number
            and days.report_date = left_over_runs.report_date
),

placed as (
    select
        group_number,
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
        coalesce(
            lag(tariff_state) over of_group = tariff_state
            and coalesce(lag(tariff_day) over of_group, date '0001-01-01')
            = coalesce(tariff_day, date '0001-01-01'),
            false
        ) as continues
    from measured
    where tariff_state is not null
    window of_group as (partition by group_number order by report_date)
),

in_periods as (
    select
        *,
        max(case when not continues then report_date end) over (
            partition by group_number
            order by report_date
        ) as valid_from
    from placed
),

runners_up as (
    select
        group_number,
        valid_from,
        runner_up,
        row_number() over (
            partition by group_number, valid_from
            order by sum(runner_up_calls) desc, runner_up asc
        ) as place
    from in_periods
    where runner_up is not null
    group by
        group_number,
        valid_from,
        runner_up
),

periods as (
    select
        group_number,
        valid_from,
        max(report_date) as valid_to,
        max(tariff_state) as tariff_state,
        max(coalesce(tariff_day, report_date)) as priced_day,
        {{ whole('sum(calls)') }} as calls,
        sum(explained_calls) as explained_calls,
        sum(tested_calls) as tested_calls,
        sum(runner_up_calls) as runner_up_calls,
        sum(runner_up_tested) as runner_up_tested,
        sum(talk_seconds) as talk_seconds,
        sum(billed_seconds) as billed_seconds
    from in_periods
    group by
        group_number,
        valid_from
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
        on periods.group_number = days.group_number and periods.priced_day = days.report_date
    left join runners_up
        on
            periods.group_number = runners_up.group_number
            and periods.valid_from = runners_up.valid_from
            and runners_up.place = 1
),

-- An unexplained period has no price and is not the previous period of another one.
known as (
    select
        group_number,
        valid_from,
        valid_to,
        tariff_state,
        call_type,
        application_key,
        destination_country,
        currency,
        increment,
        case when tariff_state <> 'unexplained' then rounding end as rounding,
        case when tariff_state <> 'unexplained' then rate_per_minute end as rate_per_minute,
        case when tariff_state <> 'unexplained' then connection_fee end as connection_fee,
        first_seconds,
        next_seconds,
        average_seconds,
        explained_calls,
        tested_calls,
        runner_up,
        runner_up_calls,
        runner_up_tested,
        calls,
        talk_seconds,
        billed_seconds
    from priced
),

followed as (
    select
        *,
        lag(rate_per_minute) over of_group as previous_rate_per_minute,
        lag(connection_fee) over of_group as previous_connection_fee,
        lag(increment) over of_group as previous_increment,
        lag(rounding) over of_group as previous_rounding,
        lag(first_seconds) over of_group as previous_first_seconds,
        lag(next_seconds) over of_group as previous_next_seconds
    from known
    window of_group as (
        partition by group_number, tariff_state = 'unexplained'
        order by valid_from
    )
),

-- Price of one call of average length, not rounded to the unit: by this tariff and by the previous one.
compared as (
    select
        *,
        {{ price_of_call(
            'rate_per_minute', 'connection_fee', 'average_seconds', 'first_seconds', 'next_seconds'
        ) }} as price,
        {{ price_of_call(
            'previous_rate_per_minute',
            'previous_connection_fee',
            'average_seconds',
            'previous_first_seconds',
            'previous_next_seconds'
        ) }} as previous_price
    from followed
),

final as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        valid_from,
        increment,
        rounding,
        runner_up,
        -- the increment of an ambiguous period is not known
        nullif(
            concat_ws(
                ',',
                case when rate_per_minute <> previous_rate_per_minute then 'rate' end,
                case when connection_fee <> previous_connection_fee then 'fee' end,
                case
                    when
                        increment <> previous_increment
                        and increment <> 'ambiguous'
                        and previous_increment <> 'ambiguous'
                        then 'increment'
                end,
                case when rounding <> previous_rounding then 'rounding' end
            ),
            ''
        ) as changed,
        calls,
        rate_per_minute,
        connection_fee,
        previous_rate_per_minute,
        {{ ratio('100 * (price - previous_price)', 'previous_price') }} as change_pct,
        {{ ratio('explained_calls', 'tested_calls') }} as explained_share,
        {{ ratio('runner_up_calls', 'runner_up_tested') }} as runner_up_share,
        case
            when tariff_state <> 'unexplained'
                then {{ ratio('100 * (billed_seconds - talk_seconds)', 'talk_seconds') }}
        end as rounding_overhead_pct,
        valid_to
    from compared
)

select * from final
