-- The traffic that a number of lines carries at a loss of 1 %, as printed in tables of Erlang B: a thousandth
-- less needs the same number, a thousandth more one more line.
{{ config(tags=['constant']) }}
{%- set table = [
    (1, 0.0101), (2, 0.1526), (3, 0.4555), (4, 0.8694), (5, 1.3608), (6, 1.9090), (7, 2.5009), (8, 3.1276),
    (9, 3.7825), (10, 4.4612), (15, 8.1080), (20, 12.031), (25, 16.125), (30, 20.337), (40, 29.007),
    (50, 37.901), (60, 46.950), (70, 56.112), (80, 65.363), (90, 74.684), (100, 84.064),
] %}

with

printed as (
    {% for lines, erlangs in table -%}
    select
        cast({{ lines }} as bigint) as expected_lines,
        cast({{ erlangs }} as double) * 0.999 as erlangs
    union all
    select
        cast({{ lines + 1 }} as bigint) as expected_lines,
        cast({{ erlangs }} as double) * 1.001 as erlangs
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

computed as (
    {{ erlang_b_lines('printed', loss=0.01) }}
)

select
    printed.erlangs,
    printed.expected_lines,
    computed.lines
from printed
left join computed
    on printed.erlangs = computed.erlangs
where computed.lines is distinct from printed.expected_lines
