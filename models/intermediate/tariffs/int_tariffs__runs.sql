{{ config(materialized='table') }}

{#- How often runs are split. -#}
{%- set rounds = 4 %}

with

explained_zones as (
    select * from {{ ref('int_tariffs__zone_daily') }}
    where explained_calls >= {{ var('rate_min_explained_share') }} * calls
),

-- Zones have other numbers on other days: those with one tariff, and rates that overlap, are the same.
overlapping as (
    select
        *,
        case
            when
                rate_at_least < max(rate_below) over (
                    partition by {{ columns_of_group() }}, increment, rounding, connection_fee
                    order by rate_at_least, report_date, zone
                    rows between unbounded preceding and 1 preceding
                )
                then 0
            else 1
        end as begins
    from explained_zones
),

numbered as (
    select
        *,
        sum(begins) over (
            partition by {{ columns_of_group() }}, increment, rounding, connection_fee
            order by rate_at_least, report_date, zone
            rows between unbounded preceding and current row
        ) as rate_number
    from overlapping
),

same_zones as (
    select
        *,
        row_number() over (
            partition by
                {{ columns_of_group() }},
                increment,
                rounding,
                connection_fee,
                rate_number,
                report_date
            order by calls desc, zone asc
        ) as choice
    from numbered
),

zones as (
    select
        *,
        zone as day_zone,
        concat_ws(
            ' ',
            increment,
            rounding,
            cast(connection_fee as {{ dbt.type_string() }}),
            cast(rate_number as {{ dbt.type_string() }})
        ) as zone_tariff
    from same_zones
    where choice = 1
),

of_groups as (
    {%- for source in [ref('int_tariffs__daily'), 'zones'] %}
    select
        call_type,
        application_key,
        destination_country,
        {{ 'day_zone' if loop.last else 'cast(null as ' ~ dbt.type_string() ~ ') as day_zone' }},
        {{ 'zone_tariff' if loop.last else 'cast(null as ' ~ dbt.type_string() ~ ') as zone_tariff' }},
        currency,
        increment,
        rounding,
        runner_up,
        first_seconds,
        next_seconds,
        unit,
        rate_per_minute,
        rate_at_least,
        rate_below,
        connection_fee,
        calls,
        explained_calls,
        runner_up_calls,
        talk_seconds,
        billed_seconds,
        is_ambiguous,
        report_date
    from {{ source }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

days as (
    select
        call_type,
        application_key,
        destination_country,
        day_zone,
        zone_tariff,
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
        cast(
            dense_rank() over (
                order by call_type, application_key nulls last, destination_country nulls last, currency
            ) as bigint
        ) as country_number,
        cast(
            dense_rank() over (
                order by
                    call_type,
                    application_key nulls last,
                    destination_country nulls last,
                    currency,
                    zone_tariff nulls first
            ) as bigint
        ) as group_number,
        report_date
    from of_groups
),

marked as (
    select
        *,
        has_enough_calls and status <> 'ambiguous' as is_landmark
    from days
),

-- Runs of days with a clear tariff: the same increment, rounding and fee, and a rate within the intervals of
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
    from marked
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

-- Neighbours may overlap although not all days of a run do: a run ends before the first day without a common
-- rate.
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

clear_days as (
    select
        group_number,
        run_start,
        report_date,
        max(low) over (partition by group_number, run_start) as run_low,
        min(high) over (partition by group_number, run_start) as run_high
    from clear_{{ rounds }}
),

stepped as (
    select
        *,
        {{ roundest_step('run_low', 'run_high') }} as run_step
    from clear_days
),

neighbours as (
    select
        *,
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
    from marked
),

final as (
    select
        neighbours.country_number,
        neighbours.group_number,
        neighbours.call_type,
        neighbours.application_key,
        neighbours.destination_country,
        neighbours.day_zone,
        neighbours.zone_tariff,
        neighbours.currency,
        neighbours.increment,
        neighbours.rounding,
        neighbours.runner_up,
        neighbours.status,
        neighbours.first_seconds,
        neighbours.next_seconds,
        neighbours.unit,
        neighbours.fee,
        coalesce(
            {{ middle_multiple('stepped.run_low', 'stepped.run_high', 'stepped.run_step') }},
            neighbours.rate
        ) as rate,
        neighbours.low,
        neighbours.high,
        neighbours.calls,
        neighbours.explained_calls,
        neighbours.runner_up_calls,
        neighbours.talk_seconds,
        neighbours.billed_seconds,
        neighbours.has_enough_calls,
        neighbours.is_landmark,
        neighbours.landmark_before,
        neighbours.landmark_after,
        stepped.run_start,
        neighbours.report_date
    from neighbours
    left join stepped
        on neighbours.group_number = stepped.group_number and neighbours.report_date = stepped.report_date
)

select * from final
