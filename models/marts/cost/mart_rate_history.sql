{{ config(materialized='table') }}

{#- How often runs are split, and how many tariffs are looked for in a stretch of days that are ambiguous. -#}
{%- set rounds = 4 %}

with

tariffs as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        increment,
        rounding,
        runner_up,
        first_seconds,
        next_seconds,
        {{ micros('unit') }} as unit,
        {{ micros('connection_fee') }} as fee,
        {{ rate_of_price('rate_per_minute') }} as rate,
        {{ rate_of_price('rate_at_least') }} as low,
        {{ rate_of_price('rate_below') }} as high,
        calls,
        explained_calls,
        runner_up_calls,
        talk_seconds,
        billed_seconds,
        case
            when explained_calls < {{ var('rate_min_explained_share') }} * calls then 'unexplained'
            when is_ambiguous then 'ambiguous'
            else 'clear'
        end as status,
        calls >= {{ var('rate_min_calls') }} as has_enough_calls,
        report_date
    from {{ ref('int_tariffs__daily') }}
),

distinct_groups as (
    select distinct
        call_type,
        application_key,
        destination_country,
        currency
    from tariffs
),

groups as (
    select
        row_number() over (
            order by call_type, application_key, destination_country, currency
        ) as group_number,
        call_type,
        application_key,
        destination_country,
        currency
    from distinct_groups
),

days as (
    select
        groups.group_number,
        tariffs.*,
        tariffs.has_enough_calls and tariffs.status <> 'ambiguous' as is_landmark
    from tariffs
    inner join groups
        on {{ same_tariff_group('tariffs', 'groups') }}
),

pairs as (
    select
        groups.group_number,
        pairs.duration_seconds,
        pairs.amount,
        pairs.calls,
        pairs.report_date
    from {{ ref('int_tariffs__pairs') }} as pairs
    inner join groups
        on {{ same_tariff_group('pairs', 'groups') }}
),

-- Runs of days with a clear tariff: the same increment, rounding and fee, and one rate in the intervals of
-- all.
landmarks as (
    select
        *,
        lag(status) over of_group as status_before,
        lag(increment) over of_group as increment_before,
        lag(rounding) over of_group as rounding_before,
        lag(fee) over of_group as fee_before,
        lag(low) over of_group as low_before,
        lag(high) over of_group as high_before
    from days
    where is_landmark
    window of_group as (partition by group_number order by report_date)
),

runs_0 as (
    select
        *,
        max(
            case
                when
                    status_before = 'clear'
                    and increment = increment_before
                    and rounding = rounding_before
                    and fee = fee_before
                    and low < high_before
                    and low_before < high
                    then null
                else report_date
            end
        ) over (partition by group_number order by report_date) as run_start
    from landmarks
),

clear_0 as (
    select
        group_number,
        low,
        high,
        run_start,
        report_date
    from runs_0
    where status = 'clear'
),

-- Neighbours may overlap where not all of a run do: then it ends before the first day that has no rate in
-- common.
{% for round in range(1, rounds + 1) -%}
common_{{ round }} as (
    select
        *,
        max(low) over so_far < min(high) over so_far as has_common_rate
    from clear_{{ round - 1 }}
    window so_far as (partition by group_number, run_start order by report_date)
),

clear_{{ round }} as (
    select
        group_number,
        low,
        high,
        {%- if round < rounds %}
        case
            when report_date >= min(case when not has_common_rate then report_date end) over of_run
                then min(case when not has_common_rate then report_date end) over of_run
            else run_start
        end as run_start,
        {%- else %}
        case when has_common_rate then run_start else report_date end as run_start,
        {%- endif %}
        report_date
    from common_{{ round }}
    window of_run as (partition by group_number, run_start)
),

{% endfor -%}

clear_runs as (
    select
        group_number,
        run_start,
        max(low) as low,
        min(high) as high
    from clear_{{ rounds }}
    group by
        group_number,
        run_start
),

stepped_runs as (
    select
        *,
        {{ roundest_step('low', 'high') }} as step
    from clear_runs
),

-- The tariff of a run is that of its first day, at the roundest rate in common.
run_tariffs as (
    select
        stepped_runs.group_number,
        stepped_runs.run_start,
        days.increment,
        days.first_seconds,
        days.next_seconds,
        days.rounding,
        days.fee,
        days.unit,
        {{ middle_multiple('stepped_runs.low', 'stepped_runs.high', 'stepped_runs.step') }} as rate
    from stepped_runs
    inner join days
        on stepped_runs.group_number = days.group_number and stepped_runs.run_start = days.report_date
),

-- Days that are ambiguous, or have too few calls, join the run before or the one after if its tariff explains
-- them.
neighbours as (
    select
        group_number,
        report_date,
        is_landmark,
        max(case when is_landmark then report_date end) over (
            partition by group_number
            order by report_date
            rows between unbounded preceding and 1 preceding
        ) as landmark_before,
        min(case when is_landmark then report_date end) over (
            partition by group_number
            order by report_date
            rows between 1 following and unbounded following
        ) as landmark_after
    from days
),

loose_days as (
    select
        group_number,
        report_date,
        landmark_before,
        landmark_after
    from neighbours
    where not is_landmark
),

offers as (
    select
        loose_days.group_number,
        loose_days.report_date,
        clear_{{ rounds }}.run_start,
        clear_{{ rounds }}.report_date < loose_days.report_date as is_before
    from loose_days
    inner join clear_{{ rounds }}
        on
            loose_days.group_number = clear_{{ rounds }}.group_number
            and (
                loose_days.landmark_before = clear_{{ rounds }}.report_date
                or loose_days.landmark_after = clear_{{ rounds }}.report_date
            )
),

{{ tariffs_that_fit('run_offers', 'offers', 'run_tariffs', 'run_start') }},

chosen as (
    select
        run_offers.*,
        row_number() over (
            partition by run_offers.group_number, run_offers.report_date
            order by case when offers.is_before then 0 else 1 end
        ) as choice
    from run_offers
    inner join offers
        on
            run_offers.group_number = offers.group_number
            and run_offers.report_date = offers.report_date
            and run_offers.tariff_day = offers.run_start
),

joined_0 as (
    select
        group_number,
        report_date,
        tariff_day,
        explained_calls,
        tested_calls,
        talk_seconds,
        billed_seconds
    from chosen
    where choice = 1
),

left_0 as (
    select
        days.*,
        neighbours.landmark_before
    from days
    inner join neighbours
        on days.group_number = neighbours.group_number and days.report_date = neighbours.report_date
    left join joined_0
        on days.group_number = joined_0.group_number and days.report_date = joined_0.report_date
    where not days.is_landmark and joined_0.report_date is null
),

-- What is left between two landmarks is tried with the best candidate of its day with the most calls, and so
-- on.
{% for round in range(1, rounds + 1) -%}
{% set previous = round - 1 -%}
sized_{{ round }} as (
    select
        *,
        row_number() over (
            partition by group_number, landmark_before
            order by calls desc, report_date asc
        ) as size_rank
    from left_{{ previous }}
    where has_enough_calls and status = 'ambiguous'
),

references_{{ round }} as (
    select * from sized_{{ round }}
    where size_rank = 1
),

offers_{{ round }} as (
    select
        left_{{ previous }}.group_number,
        left_{{ previous }}.report_date,
        references_{{ round }}.report_date as reference_day
    from left_{{ previous }}
    inner join references_{{ round }}
        on
            left_{{ previous }}.group_number = references_{{ round }}.group_number
            and coalesce(left_{{ previous }}.landmark_before, date '0001-01-01')
            = coalesce(references_{{ round }}.landmark_before, date '0001-01-01')
),

{{ tariffs_that_fit('joined_' ~ round, 'offers_' ~ round, 'days', 'reference_day') }},

left_{{ round }} as (
    select left_{{ previous }}.*
    from left_{{ previous }}
    left join joined_{{ round }}
        on
            left_{{ previous }}.group_number = joined_{{ round }}.group_number
            and left_{{ previous }}.report_date = joined_{{ round }}.report_date
    where joined_{{ round }}.report_date is null
),

{% endfor -%}

placed as (
    select
        group_number,
        report_date,
        'clear' as tariff_state,
        run_start as tariff_day
    from clear_{{ rounds }}
    union all
    select
        group_number,
        report_date,
        'unexplained' as tariff_state,
        cast(null as date) as tariff_day
    from landmarks
    where status = 'unexplained'
    union all
    select
        group_number,
        report_date,
        'clear' as tariff_state,
        tariff_day
    from joined_0
    {%- for round in range(1, rounds + 1) %}
    union all
    select
        group_number,
        report_date,
        'ambiguous' as tariff_state,
        tariff_day
    from joined_{{ round }}
    {%- endfor %}
    union all
    select
        group_number,
        report_date,
        'ambiguous' as tariff_state,
        report_date as tariff_day
    from left_{{ rounds }}
    where has_enough_calls and status = 'ambiguous'
),

-- What the tariff of the period says of a day: of days that joined, by the pairs that were tried.
joined as (
    {%- for round in range(0, rounds + 1) %}
    select * from joined_{{ round }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

measured as (
    select
        placed.group_number,
        placed.tariff_state,
        placed.tariff_day,
        placed.report_date,
        days.calls,
        coalesce(joined.explained_calls, days.explained_calls) as explained_calls,
        coalesce(joined.tested_calls, days.calls) as tested_calls,
        coalesce(joined.talk_seconds, days.talk_seconds) as talk_seconds,
        coalesce(joined.billed_seconds, days.billed_seconds) as billed_seconds,
        case when days.status = placed.tariff_state then days.runner_up end as runner_up,
        case when days.status = placed.tariff_state then days.runner_up_calls end as runner_up_calls,
        case when days.status = placed.tariff_state then days.calls end as runner_up_tested,
        coalesce(
            lag(placed.tariff_state) over of_group = placed.tariff_state
            and coalesce(lag(placed.tariff_day) over of_group, date '0001-01-01')
            = coalesce(placed.tariff_day, date '0001-01-01'),
            false
        ) as continues
    from placed
    inner join days
        on placed.group_number = days.group_number and placed.report_date = days.report_date
    left join joined
        on placed.group_number = joined.group_number and placed.report_date = joined.report_date
    window of_group as (partition by placed.group_number order by placed.report_date)
),

in_periods as (
    select
        *,
        max(case when not continues then report_date end) over (
            partition by group_number
            order by report_date
        ) as valid_from
    from measured
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
        max(tariff_day) as tariff_day,
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
        case
            when periods.tariff_state = 'clear' then days.increment
            else periods.tariff_state
        end as increment,
        days.rounding,
        {{ price_of_rate('coalesce(run_tariffs.rate, days.rate)') }} as rate_per_minute,
        {{ amount_of_micros('days.fee') }} as connection_fee,
        runners_up.runner_up
    from periods
    left join days
        on periods.group_number = days.group_number and periods.tariff_day = days.report_date
    left join run_tariffs
        on
            periods.group_number = run_tariffs.group_number
            and periods.tariff_day = run_tariffs.run_start
            and periods.tariff_state = 'clear'
    left join runners_up
        on
            periods.group_number = runners_up.group_number
            and periods.valid_from = runners_up.valid_from
            and runners_up.place = 1
),

followed as (
    select
        *,
        lag(rate_per_minute) over (
            partition by group_number, tariff_state = 'unexplained'
            order by valid_from
        ) as previous_rate_per_minute
    from priced
),

final as (
    select
        groups.call_type,
        groups.application_key,
        groups.destination_country,
        groups.currency,
        followed.valid_from,
        followed.valid_to,
        followed.rate_per_minute,
        followed.connection_fee,
        followed.increment,
        followed.rounding,
        {{ ratio('followed.explained_calls', 'followed.tested_calls') }} as explained_share,
        followed.runner_up,
        {{ ratio('followed.runner_up_calls', 'followed.runner_up_tested') }} as runner_up_share,
        followed.calls,
        case
            when followed.tariff_state <> 'unexplained'
                then {{ ratio('100 * (billed_seconds - talk_seconds)', 'talk_seconds') }}
        end as rounding_overhead_pct,
        followed.previous_rate_per_minute,
        {{ ratio('100 * (rate_per_minute - previous_rate_per_minute)', 'previous_rate_per_minute') }}
            as change_pct
    from followed
    inner join groups
        on followed.group_number = groups.group_number
)

select * from final
