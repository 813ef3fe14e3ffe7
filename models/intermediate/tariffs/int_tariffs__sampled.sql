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

-- Each group as a small integer.
groups as (
    select
        cast(
            row_number() over (
                order by report_date, call_type, application_key, destination_country, currency
            ) as bigint
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

-- Groups that no rate alone explains: the intercept of amount over billed seconds is a connection fee. If the
-- first step is the shorter one, as in 1/60, the step itself may look like a fee.
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

offsets as (
    select -1 as units_more
    union all
    select 0 as units_more
    union all
    select 1 as units_more
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
    select
        intercepts.group_number,
        intercepts.increment,
        intercepts.unit * intercepts.intercept as intercept,
        cast((round(intercepts.intercept) + offsets.units_more) * intercepts.unit as bigint) as fee
    from intercepts
    cross join offsets
    where intercepts.intercept between 0 and 1000000000
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

final as (
    select
        groups.call_type,
        groups.application_key,
        groups.destination_country,
        groups.currency,
        sampled.increment,
        sampled.rounding,
        sampled.first_seconds,
        sampled.next_seconds,
        sampled.fee,
        sampled.low,
        sampled.high,
        sampled.step,
        sampled.explained,
        cast(sampled.place as bigint) as place,
        groups.unit,
        groups.paired_calls,
        groups.group_calls,
        groups.report_date
    from sampled
    inner join groups
        on sampled.group_number = groups.group_number
)

select * from final
