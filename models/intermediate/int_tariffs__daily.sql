{{ incremental_by_day() }}

{%- set first_and_next = ['increments.first_seconds', 'increments.next_seconds'] %}
{%- set in_units = whole_division('billed.amount', 'billed.unit') %}

with

pairs as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        duration_seconds,
        amount,
        calls,
        unit,
        group_calls,
        report_date
    from {{ ref('int_tariffs__pairs') }}
    where {{ stale('report_date') }}
),

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

paired as (
    select
        report_date,
        call_type,
        application_key,
        destination_country,
        currency,
        min(unit) as unit,
        min(group_calls) as group_calls,
        {{ whole('sum(calls)') }} as paired_calls
    from pairs
    group by
        report_date,
        call_type,
        application_key,
        destination_country,
        currency
),

-- Groups as one small integer.
groups as (
    select
        row_number() over (
            order by report_date, call_type, application_key, destination_country, currency
        ) as group_number,
        call_type,
        application_key,
        destination_country,
        currency,
        unit,
        group_calls,
        paired_calls,
        report_date
    from paired
),

billed as (
    select
        groups.group_number,
        increments.increment,
        cast(0 as bigint) as fee,
        {{ billed_seconds('pairs.duration_seconds', *first_and_next) }} as billed,
        pairs.amount,
        groups.unit,
        cast(sum(pairs.calls) as bigint) as calls
    from pairs
    inner join groups
        on
            pairs.report_date = groups.report_date
            and {{ same_tariff_group('pairs', 'groups') }}
    cross join increments
    group by
        groups.group_number,
        increments.increment,
        {{ billed_seconds('pairs.duration_seconds', *first_and_next) }},
        pairs.amount,
        groups.unit
),

{{ rates_that_explain_most('without_fee', 'billed') }},

first_ranks as (
    select
        without_fee.group_number,
        without_fee.explained,
        increments.first_seconds,
        increments.next_seconds,
        row_number() over (
            partition by without_fee.group_number
            order by
                without_fee.explained desc,
                case when increments.first_seconds < increments.next_seconds then 1 else 0 end asc
        ) as place
    from without_fee
    inner join increments
        on without_fee.increment = increments.increment
),

-- Groups that no rate alone explains: a connection fee is the intercept of amount over billed seconds. Where
-- the first step is the shorter one, as in 1/60, it may be a fee that looks like it.
unexplained as (
    select groups.group_number
    from groups
    inner join first_ranks
        on groups.group_number = first_ranks.group_number and first_ranks.place = 1
    where
        first_ranks.explained < {{ var('rate_min_explained_share') }} * groups.paired_calls
        or first_ranks.first_seconds < first_ranks.next_seconds
),

sums as (
    select
        billed.group_number,
        billed.increment,
        billed.unit,
        cast(sum(billed.calls) as double) as n,
        cast(sum(billed.calls * billed.billed) as double) as b,
        sum(cast(billed.calls * billed.billed as double) * billed.billed) as bb,
        cast(sum(billed.calls * {{ in_units }}) as double) as a,
        sum(cast(billed.calls * billed.billed as double) * {{ in_units }}) as ab
    from billed
    inner join unexplained
        on billed.group_number = unexplained.group_number
    group by
        billed.group_number,
        billed.increment,
        billed.unit
),

intercepts as (
    select
        group_number,
        increment,
        unit,
        (a * bb - b * ab) / (n * bb - b * b) as intercept
    from sums
    where n * bb > b * b
),

fees as (
    {%- for units_more in [-1, 0, 1] %}
    select
        group_number,
        increment,
        unit * intercept as intercept,
        cast((round(intercept) + {{ units_more }}) * unit as bigint) as fee
    from intercepts
    where intercept between 0 and 1000000000
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

billed_after_fee as (
    select
        billed.group_number,
        billed.increment,
        fees.fee,
        billed.billed,
        billed.amount - fees.fee as amount,
        billed.unit,
        billed.calls
    from billed
    inner join fees
        on billed.group_number = fees.group_number and billed.increment = fees.increment
    where fees.fee > 0 and billed.amount >= fees.fee
),

{{ rates_that_explain_most('with_fee', 'billed_after_fee') }},

explanations as (
    select
        without_fee.*,
        cast(0 as double) as fee_distance
    from without_fee
    union all
    select
        with_fee.*,
        abs(with_fee.fee - fees.intercept) as fee_distance
    from with_fee
    inner join fees
        on
            with_fee.group_number = fees.group_number
            and with_fee.increment = fees.increment
            and with_fee.fee = fees.fee
),

{{ best_increments('sampled', 'explanations') }},

-- Where there are more pairs than were tried, the best ones are tried once more, on all calls.
finalists as (
    select
        groups.report_date,
        groups.call_type,
        groups.application_key,
        groups.destination_country,
        groups.currency,
        groups.unit,
        sampled.group_number,
        sampled.increment,
        sampled.first_seconds,
        sampled.next_seconds,
        sampled.fee,
        sampled.fee_distance
    from sampled
    inner join sampled as leader
        on sampled.group_number = leader.group_number and leader.place = 1
    inner join groups
        on sampled.group_number = groups.group_number
    where
        groups.group_calls > groups.paired_calls
        and (sampled.place <= 2 or sampled.explained = leader.explained)
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

final_explanations as (
    select
        retried.*,
        finalists.fee_distance
    from retried
    inner join finalists
        on
            retried.group_number = finalists.group_number
            and retried.increment = finalists.increment
            and retried.fee = finalists.fee
    union all
    select explanations.*
    from explanations
    inner join groups
        on explanations.group_number = groups.group_number
    where groups.group_calls = groups.paired_calls
),

{{ best_increments('ranked', 'final_explanations') }},

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
        coalesce(best.explained = second.explained, false) as is_ambiguous,
        second.increment as runner_up,
        second.explained as runner_up_explained
    from groups
    inner join ranked as best
        on groups.group_number = best.group_number and best.place = 1
    left join ranked as second
        on groups.group_number = second.group_number and second.place = 2
),

-- Of groups with more pairs than were tried from all calls, else from the pairs.
seconds_of_pairs as (
    select
        groups.group_number,
        pairs.duration_seconds,
        pairs.calls
    from pairs
    inner join groups
        on
            pairs.report_date = groups.report_date
            and {{ same_tariff_group('pairs', 'groups') }}
    where groups.group_calls = groups.paired_calls
    union all
    select
        groups.group_number,
        calls.duration_seconds,
        cast(1 as bigint) as calls
    from calls
    inner join groups
        on
            calls.report_date = groups.report_date
            and {{ same_tariff_group('calls', 'groups') }}
    where groups.group_calls > groups.paired_calls
),

seconds as (
    select
        tariffs.group_number,
        cast(sum(found.calls * found.duration_seconds) as bigint) as talk_seconds,
        cast(
            sum(
                found.calls * {{ billed_seconds('duration_seconds', 'first_seconds', 'next_seconds') }}
            ) as bigint
        ) as billed_seconds
    from seconds_of_pairs as found
    inner join tariffs
        on found.group_number = tariffs.group_number
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
