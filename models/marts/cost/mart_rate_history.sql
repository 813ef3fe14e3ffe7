{{ config(materialized='table') }}

with

periods as (
    select * from {{ ref('int_tariffs__periods') }}
),

-- An unexplained period is not the previous period of another one.
followed as (
    select
        *,
        lag(rate_per_minute) over of_group as previous_rate_per_minute,
        lag(connection_fee) over of_group as previous_connection_fee,
        lag(increment) over of_group as previous_increment,
        lag(rounding) over of_group as previous_rounding,
        lag(first_seconds) over of_group as previous_first_seconds,
        lag(next_seconds) over of_group as previous_next_seconds
    from periods
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
        zone,
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
