{#-
    The lower Wilson bound of a share: the least share that `successes` of `trials` make likely, `z` standard
    errors below. Unlike the share itself it is low where there are few trials (E. B. Wilson 1927).
-#}
{% macro wilson_lower(successes, trials, z) -%}
    {%- set n = "nullif(" ~ trials ~ ", 0)" -%}
    {%- set share = "(cast(" ~ successes ~ " as double) / " ~ n ~ ")" -%}
    {%- set square = "(" ~ z ~ " * " ~ z ~ ")" -%}
    (
        {{ share }} + {{ square }} / (2.0 * {{ n }})
        - {{ z }} * sqrt(({{ share }} * (1 - {{ share }}) + {{ square }} / (4.0 * {{ n }})) / {{ n }})
    ) / (1 + {{ square }} / {{ n }})
{%- endmacro %}


{#-
    The standard error of a share around its baseline: the part that `trials` explain, and the spread from
    week to week that no count explains.
-#}
{% macro share_error(baseline, trials, spread) -%}
    sqrt({{ baseline }} * (1 - {{ baseline }}) / nullif({{ trials }}, 0) + {{ spread }} * {{ spread }})
{%- endmacro %}


{#-
    The days before a day that are its baseline, as a query (report_date, past_date): at most `days` before it
    and, by `same`, of the same weekday or day type.
-#}
{% macro baseline_days(dates, days, same=none) %}
    select
        dates.report_date,
        past_dates.report_date as past_date
    from {{ dates }} as dates
    inner join {{ dates }} as past_dates
        on
            past_dates.report_date < dates.report_date
            and {{ days_between('past_dates.report_date', 'dates.report_date') }} <= {{ days }}
            {%- if same == 'weekday' %}
            and {{ iso_weekday('past_dates.report_date') }} = {{ iso_weekday('dates.report_date') }}
            {%- elif same == 'day_type' %}
            and ({{ iso_weekday('past_dates.report_date') }} > 5)
            = ({{ iso_weekday('dates.report_date') }} > 5)
            {%- endif %}
{% endmacro %}


{#-
    The median of a value over the baseline days of each candidate and the median absolute deviation from it,
    as a query (keys, report_date, baseline_days, median, mad). `candidates` and `history` have the keys and
    report_date, `history` the value; `baseline_days` is a relation of the macro of that name. `plain` is a
    column that rises with the value, as the amount does with its logarithm: its two middle values are added,
    lower_middle and upper_middle, for exact comparisons.
-#}
{% macro median_and_mad(candidates, history, baseline_days, keys, value, plain=none) %}
    select
        {% for key in keys %}{{ key }}, {% endfor %}
        report_date,
        count(*) as baseline_days,
        max(median) as median,
        {% if plain -%}
        max(case when place = floor((places + 1) / 2.0) then plain_value end) as lower_middle,
        max(case when place = ceil((places + 1) / 2.0) then plain_value end) as upper_middle,
        {% endif -%}
        percentile_cont(0.5) within group (order by abs(past_value - median)) as mad
    from (
        select
            *,
            {# Not every engine has percentiles of a window: the middle rows by their number. -#}
            avg(
                case when place in (floor((places + 1) / 2.0), ceil((places + 1) / 2.0)) then past_value end
            ) over (partition by {{ keys | join(', ') }}, report_date) as median
        from (
            select
                {% for key in keys %}candidates.{{ key }}, {% endfor %}
                candidates.report_date,
                cast(history.{{ value }} as double) as past_value,
                {% if plain -%}
                history.{{ plain }} as plain_value,
                {% endif -%}
                row_number() over (
                    partition by {% for key in keys %}candidates.{{ key }}, {% endfor %}candidates.report_date
                    order by history.{{ value }}, history.report_date
                ) as place,
                count(*) over (
                    partition by {% for key in keys %}candidates.{{ key }}, {% endfor %}candidates.report_date
                ) as places
            from {{ candidates }} as candidates
            inner join {{ baseline_days }} as baseline_days
                on candidates.report_date = baseline_days.report_date
            inner join {{ history }} as history
                on
                    baseline_days.past_date = history.report_date
                    {%- for key in keys %}
                    and candidates.{{ key }} = history.{{ key }}
                    {%- endfor %}
            where history.{{ value }} is not null
        ) as placed
    ) as centred
    group by
        {% for key in keys %}{{ key }}, {% endfor %}
        report_date
{% endmacro %}


{#- Whether an amount or a count is more than `factor` times the plain median, compared in decimals. -#}
{% macro above_median(value, factor, lower_middle, upper_middle) -%}
    2 * cast({{ value }} as decimal(24, 6))
    > cast({{ factor }} as decimal(9, 3)) * {{ sum_of_middles(lower_middle, upper_middle) }}
{%- endmacro %}

{#- The plain median, to show. -#}
{% macro plain_median(lower_middle, upper_middle) -%}
    cast({{ sum_of_middles(lower_middle, upper_middle) }} as double) / 2
{%- endmacro %}

{% macro sum_of_middles(lower_middle, upper_middle) -%}
    (cast({{ lower_middle }} as decimal(24, 6)) + cast({{ upper_middle }} as decimal(24, 6)))
{%- endmacro %}


{#- Whether a ratio, or a logarithm, is above another by more than rounding errors. -#}
{% macro clearly_above(value, limit) -%}
    {{ value }} > {{ limit }} + 1e-9
{%- endmacro %}
