{{ incremental_by_day() }}

with

increments as (
    select
        increment,
        first_seconds,
        next_seconds
    from {{ ref('int_billing_increments') }}
),

calls as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        duration_seconds,
        amount,
        report_date
    from {{ ref('fact_calls') }}
    where
        {{ stale('report_date') }}
        and {{ shows_a_tariff() }}
),

-- Each group as a small integer.
sampled as (
    select
        *,
        cast(
            dense_rank() over (
                order by report_date, call_type, application_key, destination_country, currency
            ) as bigint
        ) as group_number,
        max(explained) over (
            partition by report_date, call_type, application_key, destination_country, currency
        ) as most_explained
    from {{ ref('int_tariffs__sampled') }}
    where {{ stale('report_date') }}
),

groups as (
    select
        group_number,
        call_type,
        application_key,
        destination_country,
        currency,
        unit,
        group_calls,
        report_date
    from sampled
    where place = 1
),

-- If there are more pairs than were sampled, the best increments are tried on all calls.
finalists as (
    select * from sampled
    where
        group_calls > paired_calls
        and (place <= 2 or explained = most_explained)
),

all_billed as (
    select
        finalists.group_number,
        finalists.increment,
        finalists.fee,
        {{ billed_seconds('duration_seconds', 'first_seconds', 'next_seconds') }} as billed,
        {{ micros('calls.amount') }} - finalists.fee as amount,
        finalists.unit,
        count(*) as calls
    from calls
    inner join finalists
        on
            calls.report_date = finalists.report_date
            and {{ same_tariff_group('calls', 'finalists') }}
    group by
        finalists.group_number,
        finalists.increment,
        finalists.fee,
        {{ billed_seconds('duration_seconds', 'first_seconds', 'next_seconds') }},
        {{ micros('calls.amount') }} - finalists.fee,
        finalists.unit
),

chargeable as (
    select * from all_billed
    where amount >= 0
),

{{ rates_that_explain_most('retried', 'chargeable') }},

explanations as (
    select
        group_number,
        increment,
        fee,
        rounding,
        low,
        high,
        explained,
        step,
        0 as fee_distance
    from retried
    union all
    select
        group_number,
        increment,
        fee,
        rounding,
        low,
        high,
        explained,
        step,
        0 as fee_distance
    from sampled
    where group_calls = paired_calls
),

{{ best_increments('ranked', 'explanations') }},

followed as (
    select
        *,
        lead(increment) over (partition by group_number order by place) as runner_up,
        lead(explained) over (partition by group_number order by place) as runner_up_explained
    from ranked
),

tariffs as (
    select
        groups.*,
        best.increment,
        best.first_seconds,
        best.next_seconds,
        best.rounding,
        best.fee,
        best.low,
        best.high,
        best.explained,
        {{ middle_multiple('best.low', 'best.high', 'best.step') }} as rate,
        coalesce(best.explained = best.runner_up_explained, false) as is_ambiguous,
        best.runner_up,
        best.runner_up_explained
    from groups
    inner join followed as best
        on groups.group_number = best.group_number and best.place = 1
),

seconds as (
    select
        tariffs.group_number,
        {{ whole('sum(calls.duration_seconds)') }} as talk_seconds,
        {{ whole('sum(' ~ billed_seconds('duration_seconds', 'first_seconds', 'next_seconds') ~ ')') }}
            as billed_seconds
    from calls
    inner join tariffs
        on
            calls.report_date = tariffs.report_date
            and {{ same_tariff_group('calls', 'tariffs') }}
    group by tariffs.group_number
),

final as (
    select
        tariffs.call_type,
        tariffs.application_key,
        tariffs.destination_country,
        tariffs.currency,
        tariffs.increment,
        tariffs.rounding,
        tariffs.runner_up,
        tariffs.first_seconds,
        tariffs.next_seconds,
        {{ amount_of_micros('tariffs.unit') }} as unit,
        {{ price_of_rate('tariffs.rate') }} as rate_per_minute,
        {{ price_of_rate('tariffs.low') }} as rate_at_least,
        {{ price_of_rate('tariffs.high') }} as rate_below,
        {{ amount_of_micros('tariffs.fee') }} as connection_fee,
        tariffs.group_calls as calls,
        tariffs.explained as explained_calls,
        tariffs.runner_up_explained as runner_up_calls,
        seconds.talk_seconds,
        seconds.billed_seconds,
        tariffs.is_ambiguous,
        tariffs.report_date
    from tariffs
    inner join seconds
        on tariffs.group_number = seconds.group_number
)

select * from final
