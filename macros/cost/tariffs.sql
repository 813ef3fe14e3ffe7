{#-
    The calls used to infer a tariff: answered, charged, longer than 0 s. What is above the limits cannot be
    rated in integers of 64 bits, or costs more a minute than the ten digits before a rate's point.
-#}
{% macro shows_a_tariff(relation='') -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    {{ prefix }}is_answered
    and {{ prefix }}amount > 0
    and {{ prefix }}amount < 1000000000
    and {{ prefix }}duration_seconds > 0
    and {{ prefix }}duration_seconds <= 1000000
    and cast({{ prefix }}amount as double) < 160000000 * {{ prefix }}duration_seconds
    and {{ prefix }}currency is not null
{%- endmacro %}


{#- The columns that make a group of calls with one tariff. -#}
{% macro tariff_group() %}
    {{ return(['call_type', 'application_key', 'destination_country', 'currency']) }}
{% endmacro %}


{#- Whether two relations' rows are of the same group; null equals null. -#}
{% macro same_tariff_group(one, other, zones=false) -%}
    {%- for column in tariff_group() + (['zone'] if zones else []) %}
    {{ one }}.{{ column }} is not distinct from {{ other }}.{{ column }}
    {{- ' and' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#-
    The rates per minute (hundred-millionths) by which `billed` seconds cost `amount` (millionths, without the
    connection fee): from rate_at_least to below rate_below. Rounded to the nearest unit they are
    [(a - u/2) * 60/b, (a + u/2) * 60/b), since an exact half is rounded up; rounded up ((a - u) * 60/b,
    a * 60/b].
-#}
{% macro rate_at_least(amount, billed, unit, rounding) -%}
    case
        when {{ amount }} < {{ unit }} then 0
        when {{ rounding }} = 'up'
            then {{ whole_division('6000 * (' ~ amount ~ ' - ' ~ unit ~ ')', billed) }} + 1
        else {{ whole_division('3000 * (2 * ' ~ amount ~ ' - ' ~ unit ~ ') + ' ~ billed ~ ' - 1', billed) }}
    end
{%- endmacro %}

{% macro rate_below(amount, billed, unit, rounding) -%}
    case
        when {{ rounding }} = 'up' then {{ whole_division('6000 * ' ~ amount, billed) }} + 1
        else {{ whole_division('3000 * (2 * ' ~ amount ~ ' + ' ~ unit ~ ') + ' ~ billed ~ ' - 1', billed) }}
    end
{%- endmacro %}


{#-
    The greatest power of ten with a multiple in [low, high): the step, in hundred-millionths, of the rate
    with the fewest decimals.
-#}
{% macro roundest_step(low, high) -%}
    case
        {%- for zeros in range(8, 0, -1) %}
        {%- set step = 10 ** zeros %}
        when {{ whole_division(low ~ ' + ' ~ (step - 1), step) }} * {{ step }} < {{ high }} then {{ step }}
        {%- endfor %}
        else 1
    end
{%- endmacro %}

{#- The middle one of the multiples of a step in [low, high). -#}
{% macro middle_multiple(low, high, step) -%}
    {%- set first = whole_division(low ~ ' + ' ~ step ~ ' - 1', step) -%}
    {%- set last = whole_division(high ~ ' - 1', step) -%}
    (
        {{ first }}
        + {{ whole_division(last ~ ' - ' ~ first, 2) }}
    ) * {{ step }}
{%- endmacro %}


{#- A rate in hundred-millionths as a price, and back. -#}
{% macro price_of_rate(rate) -%}
    cast({{ rate }} * 0.00000001 as decimal(18, 8))
{%- endmacro %}

{% macro rate_of_price(price) -%}
    cast(cast({{ price }} as decimal(27, 8)) * 100000000 as bigint)
{%- endmacro %}


{#-
    CTEs that find the rate that explains most calls, for each group and increment of `source`
    (group_number, increment, fee, billed, amount, unit, calls): a
    sweep over the ends of the calls' intervals finds where most overlap. Each CTE is read once: Spark
    computes it for every reader. Result: `{name}`.
-#}
{% macro rates_that_explain_most(name, source) -%}
{%- set option = "group_number, increment, fee, rounding" %}
{{ name }}_intervals as (
    select
        group_number,
        increment,
        fee,
        roundings.rounding,
        {{ rate_at_least('amount', 'billed', 'unit', 'roundings.rounding') }} as low,
        {{ rate_below('amount', 'billed', 'unit', 'roundings.rounding') }} as high,
        calls
    from {{ source }}
    cross join (select 'nearest' as rounding union all select 'up' as rounding) as roundings
),

{{ name }}_ends as (
    select
        {{ option }},
        case when sides.side > 0 then low else high end as position,
        calls * sides.side as change
    from {{ name }}_intervals
    cross join (select 1 as side union all select -1 as side) as sides
    where low < high
),

{{ name }}_changes as (
    select {{ option }}, position, sum(change) as change
    from {{ name }}_ends
    group by {{ option }}, position
    having sum(change) <> 0
),

{{ name }}_overlaps as (
    select
        *,
        cast(sum(change) over (partition by {{ option }} order by position) as bigint) as explained,
        lead(position) over (partition by {{ option }} order by position) as next_position
    from {{ name }}_changes
),

{{ name }}_ranked as (
    select
        *,
        max(explained) over (partition by group_number, increment) as most_explained
    from {{ name }}_overlaps
),

{{ name }} as (
    select
        group_number,
        increment,
        fee,
        rounding,
        position as low,
        next_position as high,
        explained,
        {{ roundest_step('position', 'next_position') }} as step
    from {{ name }}_ranked
    where explained = most_explained
)
{%- endmacro %}


{#-
    CTEs that rank the increments of each group by the calls that their best rate explains (`source`). Result:
    `{name}`, a row for each increment, the best at `place` 1.
-#}
{% macro best_increments(name, source) -%}
{{ name }}_options as (
    select
        *,
        row_number() over (
            partition by group_number, increment
            order by explained desc, step desc, rounding asc, fee_distance asc, fee asc, low asc
        ) as choice
    from {{ source }}
),

{{ name }} as (
    select
        options.*,
        increments.first_seconds,
        increments.next_seconds,
        row_number() over (
            partition by options.group_number
            order by
                options.explained desc,
                options.step desc,
                options.rounding asc,
                options.fee asc,
                -- if equal, the simpler one
                case when increments.first_seconds = increments.next_seconds then 0 else 1 end asc,
                increments.first_seconds asc,
                increments.next_seconds asc
        ) as place
    from {{ name }}_options as options
    inner join increments
        on options.increment = increments.increment
    where options.choice = 1
)
{%- endmacro %}
