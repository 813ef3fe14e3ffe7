{#-
    Rating in integers, so that no amount depends on floating point: amounts and units in millionths of the
    currency, rates per minute in hundred-millionths. `billed` are seconds.
-#}

{#- The seconds that are billed for a call: at least the first ones, then steps; none for a call of 0 s. -#}
{% macro billed_seconds(duration, first_seconds, next_seconds) -%}
    case
        when {{ duration }} <= 0 then 0
        when {{ duration }} <= {{ first_seconds }} then {{ first_seconds }}
        when ({{ duration }} - {{ first_seconds }}) % {{ next_seconds }} = 0 then {{ duration }}
        else {{ duration }} + {{ next_seconds }} - ({{ duration }} - {{ first_seconds }}) % {{ next_seconds }}
    end
{%- endmacro %}


{#-
    The price of billed seconds without the connection fee, rounded to the unit: up, or to the nearest (an
    exact half up). What integers of 64 bits cannot hold is computed in wider ones. A price above that of any
    amount (10^18 millionths) is given as about that.
-#}
{% macro rated_micros(rate, billed, unit, rounding) -%}
    {%- set wide_price = 'least(' ~ wide(rate) ~ ' * ' ~ billed ~ ', 6000000000000000000000)' -%}
    {{ unit }} * case
        when {{ rate }} < 1000000000000 and {{ billed }} <= 1000000 and {{ unit }} <= 1000000000
            then {{ rounded_to_units(rate ~ ' * ' ~ billed, unit, rounding) }}
        else cast({{ rounded_to_units(wide_price, wide(unit), rounding) }} as bigint)
    end
{%- endmacro %}

{#- A price in 6,000ths of a millionth as a number of units. -#}
{% macro rounded_to_units(price, unit, rounding) -%}
    case
        when {{ rounding }} = 'up'
            then {{ whole_division(price ~ ' + 6000 * ' ~ unit ~ ' - 1', '(6000 * ' ~ unit ~ ')') }}
        else {{ whole_division('2 * ' ~ price ~ ' + 6000 * ' ~ unit, '(12000 * ' ~ unit ~ ')') }}
    end
{%- endmacro %}


{#-
    The price of a call by its rate and connection fee, not rounded: a double, in 6,000ths of a millionth.
-#}
{% macro price_of_call(rate_per_minute, connection_fee, duration, first_seconds, next_seconds) -%}
    6000 * cast({{ micros(connection_fee) }} as double)
    + cast({{ rate_of_price(rate_per_minute) }} as double)
    * {{ billed_seconds(duration, first_seconds, next_seconds) }}
{%- endmacro %}


{#- An amount below 1,000,000,000 in millionths: exact, since doubles hold 15 digits; and back. -#}
{% macro micros(amount) -%}
    cast(round(cast({{ amount }} as double) * 1000000) as bigint)
{%- endmacro %}

{% macro amount_of_micros(micros) -%}
    cast(cast({{ micros }} as bigint) * 0.000001 as decimal(18, 6))
{%- endmacro %}
