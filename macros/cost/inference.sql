{#-
    The inference of a day's tariffs in three steps, each a model of its own: of the groups of calls
    (int_tariffs__pairs and so on), and of the zones of groups that no one tariff explains
    (int_tariffs__zone_pairs and so on). In zones a runner-up that explains nearly as much is as good, and the
    fees next to the one found are tried.
-#}

{#- The columns of a group, with those of a zone. -#}
{% macro columns_of_group(zones=false, relation='') -%}
    {%- for column in tariff_group() + (['zone'] if zones else []) -%}
    {{ relation ~ '.' if relation }}{{ column }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{#- How many calls less of so many are nearly as much. -#}
{% macro near(calls) -%}
    greatest(1, 0.01 * {{ calls }})
{%- endmacro %}


{#-
    CTEs from `calls` to `result`: the most common pairs of duration and amount. Calls of zones are counted
    (`calls`), and their amounts are in millionths.
-#}
{% macro most_common_pairs(zones=false, result='final', most=60) -%}
counted as (
    select
        report_date,
        {{ columns_of_group(zones) }},
        duration_seconds,
        {{ 'amount' if zones else micros('amount') }} as amount,
        {{ whole('sum(calls)') if zones else 'count(*)' }} as calls
    from calls
    group by
        report_date,
        {{ columns_of_group(zones) }},
        duration_seconds,
        amount
),

-- A mixed choice among equally common pairs: short and long calls distinguish different increments.
ranked as (
    select
        *,
        row_number() over (
            partition by report_date, {{ columns_of_group(zones) }}
            order by
                calls desc,
                duration_seconds * 2654435761 % 4294967296 asc,
                duration_seconds asc,
                amount asc
        ) as pair_rank,
        sum(calls) over (
            partition by report_date, {{ columns_of_group(zones) }}
        ) as group_calls,
        {%- if zones %}
        count(*) over (
            partition by report_date, {{ columns_of_group(zones) }}
        ) as group_pairs,
        {%- endif %}
        min(
            case
                when amount % 10000 = 0 then 10000
                when amount % 1000 = 0 then 1000
                when amount % 100 = 0 then 100
                when amount % 10 = 0 then 10
                else 1
            end
        ) over (partition by report_date, {{ columns_of_group(zones) }}) as unit
    from counted
),

{{ result }} as (
    select
        {{ columns_of_group(zones) }},
        duration_seconds,
        amount,
        calls,
        cast(unit as bigint) as unit,
        cast(group_calls as bigint) as group_calls,
        report_date
    from ranked
    where
        pair_rank <= {{ most }}
        {%- if zones %}
        and group_pairs >= 12
        {%- endif %}
)
{%- endmacro %}


{#- CTEs from `pairs` to `result`: for each increment the rate that explains most pairs. -#}
{% macro sampled_tariffs(zones=false, result='final') -%}
{%- set first_and_next = ['increments.first_seconds', 'increments.next_seconds'] -%}
{%- set in_units = whole_division('billed.amount', 'billed.unit') -%}
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
        {{ columns_of_group(zones) }},
        min(unit) as unit,
        min(group_calls) as group_calls,
        {{ whole('sum(calls)') }} as paired_calls
    from pairs
    group by
        report_date,
        {{ columns_of_group(zones) }}
),

-- Each group as a small integer.
groups as (
    select
        cast(
            row_number() over (
                order by report_date, {{ columns_of_group(zones) }}
            ) as bigint
        ) as group_number,
        {{ columns_of_group(zones) }},
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
            and {{ same_tariff_group('pairs', 'groups', zones) }}
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

{{ result }} as (
    select
        {{ columns_of_group(zones, 'groups') }},
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
{%- endmacro %}


{#- CTEs from `calls` to `final`: the tariff of `sampled` that explains most calls. -#}
{% macro tariffs_of_day(sampled, zones=false) -%}
{%- set amount = 'calls.amount' if zones else micros('calls.amount') -%}
{%- set calls = whole('sum(calls.calls)') if zones else 'count(*)' -%}
{%- set each = 'calls.calls * ' if zones else '' -%}
increments as (
    select
        increment,
        first_seconds,
        next_seconds
    from {{ ref('int_billing_increments') }}
),

-- Each group as a small integer.
sampled as (
    select
        *,
        cast(
            dense_rank() over (
                order by report_date, {{ columns_of_group(zones) }}
            ) as bigint
        ) as group_number,
        max(explained) over (
            partition by report_date, {{ columns_of_group(zones) }}
        ) as most_explained
    from {{ sampled }}
    where {{ stale('report_date') }}
),

groups as (
    select
        group_number,
        {{ columns_of_group(zones) }},
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
        and (
            place <= 2
            or explained = most_explained
            {%- if zones %}
            or explained >= most_explained - {{ near('paired_calls') }}
            {%- endif %}
        )
),

{%- if zones %}
-- The fee of the sample may be off by a unit.
tried as (
    select distinct
        finalists.report_date,
        {{ columns_of_group(zones, 'finalists') }},
        finalists.group_number,
        finalists.increment,
        finalists.first_seconds,
        finalists.next_seconds,
        finalists.unit,
        coalesce(finalists.fee + offsets.units_more * finalists.unit, 0) as fee
    from finalists
    cross join (
        select -1 as units_more union all select 0 union all select 1 union all select cast(null as integer)
    ) as offsets
    where offsets.units_more is null or finalists.fee + offsets.units_more * finalists.unit >= 0
),
{%- set finalists = 'tried' %}
{%- else %}
{%- set finalists = 'finalists' %}
{%- endif %}

all_billed as (
    select
        finalists.group_number,
        finalists.increment,
        finalists.fee,
        {{ billed_seconds('duration_seconds', 'first_seconds', 'next_seconds') }} as billed,
        {{ amount }} - finalists.fee as amount,
        finalists.unit,
        {{ calls }} as calls
    from calls
    inner join {{ finalists }} as finalists
        on
            calls.report_date = finalists.report_date
            and {{ same_tariff_group('calls', 'finalists', zones) }}
    group by
        finalists.group_number,
        finalists.increment,
        finalists.fee,
        {{ billed_seconds('duration_seconds', 'first_seconds', 'next_seconds') }},
        {{ amount }} - finalists.fee,
        finalists.unit
),

chargeable as (
    select * from all_billed
    where amount >= 0
),

{{ rates_that_explain_most('retried', 'chargeable') }},

explanations as (
    {%- for source in ['retried', 'sampled'] %}
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
    from {{ source }}
    {{ 'where group_calls = paired_calls' if loop.last else 'union all' }}
    {%- endfor %}
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
        coalesce(
            best.runner_up_explained >= best.explained
            {%- if zones %} - {{ near('groups.group_calls') }}{% endif %},
            false
        ) as is_ambiguous,
        best.runner_up,
        best.runner_up_explained
    from groups
    inner join followed as best
        on groups.group_number = best.group_number and best.place = 1
),

seconds as (
    select
        tariffs.group_number,
        {{ whole('sum(' ~ each ~ 'calls.duration_seconds)') }} as talk_seconds,
        {{ whole('sum(' ~ each ~ billed_seconds('duration_seconds', 'first_seconds', 'next_seconds') ~ ')') }}
            as billed_seconds
    from calls
    inner join tariffs
        on
            calls.report_date = tariffs.report_date
            and {{ same_tariff_group('calls', 'tariffs', zones) }}
    group by tariffs.group_number
),

final as (
    select
        {{ columns_of_group(zones, 'tariffs') }},
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
{%- endmacro %}


{#- Four digits of a number behind its calling code; null where it has none. -#}
{% macro digits_behind_code(number) -%}
    {%- set code = calling_code('substr(' ~ number ~ ', 2)') -%}
    {%- set digits = 'substr(' ~ number ~ ', 2 + length(' ~ code ~ '), 4)' -%}
    case when {{ matches(digits, '^[0-9]{4}$') }} then {{ digits }} end
{%- endmacro %}


{#-
    The levels by which the calls of a group are divided into parts, the coarsest first: the type of the
    number called (of numbers without one the first digit), one to four digits behind the calling code, the
    caller's country, and the country within what the first level has.
-#}
{% macro levels_of_parts() -%}
    select {{ each_number(1, 7) }} as level_number
{%- endmacro %}

{#- What a call's part at a level is called. -#}
{% macro part_of_level(level_number) -%}
    case {{ level_number }}
        when 1 then coalesce(number_type, substr(digits, 1, 1))
        when 6 then 'from ' || origin_country
        when 7 then coalesce(number_type, substr(digits, 1, 1)) || ' from ' || origin_country
        else substr(digits, 1, {{ level_number }} - 1)
    end
{%- endmacro %}


{#- CTE `calls`: the calls of groups that no tariff explains, in the zones of their day. -#}
{% macro calls_in_zones() -%}
levels as (
    select distinct
        {{ columns_of_group() }},
        level_number,
        report_date
    from {{ ref('int_tariffs__zones') }}
    where {{ stale('report_date') }}
),

parts as (
    select
        {{ columns_of_group(relation='calls') }},
        levels.level_number,
        {{ part_of_level('levels.level_number') }} as part,
        calls.duration_seconds,
        calls.amount,
        calls.calls,
        calls.report_date
    from {{ ref('int_tariffs__unexplained') }} as calls
    inner join levels
        on
            calls.report_date = levels.report_date
            and {{ same_tariff_group('calls', 'levels') }}
    where {{ stale('calls.report_date') }}
),

calls as (
    select
        {{ columns_of_group(relation='parts') }},
        zones.zone,
        parts.duration_seconds,
        parts.amount,
        parts.calls,
        parts.report_date
    from parts
    inner join {{ ref('int_tariffs__zones') }} as zones
        on
            parts.report_date = zones.report_date
            and parts.part = zones.part
            and {{ same_tariff_group('parts', 'zones') }}
    where {{ stale('zones.report_date') }} and zones.zone is not null
)
{%- endmacro %}


{#- Whether a tariff explains what calls cost, in millionths. -#}
{% macro costs_by(calls, tariff) -%}
    {%- set billed = billed_seconds(
        calls ~ '.duration_seconds', tariff ~ '.first_seconds', tariff ~ '.next_seconds'
    ) -%}
    {{ calls }}.amount - {{ tariff }}.fee
    = {{ rated_micros(tariff ~ '.rate', billed, tariff ~ '.unit', tariff ~ '.rounding') }}
{%- endmacro %}
