{#-
    The least number of lines with which at most the share `loss` of a traffic's calls is refused (Erlang B,
    ITU-T E.501): a query (erlangs, lines) with a row for each `erlangs` of a relation that is above 0.

    B(n) = t(n) / (t(0) + … + t(n)), where t(n) = t(n - 1) * erlangs / n. Terms far below the traffic are
    negligible: they begin 12 standard deviations below it. 3 above it and 3 more lines are enough for 1 %
    loss, whatever the traffic.
-#}
{% macro erlang_b_lines(relation, loss) -%}
    with

    traffics as (
        select distinct
            erlangs,
            cast(floor(greatest(erlangs - 12 * sqrt(erlangs), 0)) as bigint) + 1 as first_line,
            cast(ceiling(erlangs + 3 * sqrt(erlangs)) as bigint) + 3 as last_line
        from {{ relation }}
        where erlangs > 0
    ),

    numbered as (
        select
            erlangs,
            {{ each_number('first_line', 'last_line') }} as line
        from traffics
    ),

    terms as (
        select
            erlangs,
            line,
            exp(sum(ln(erlangs) - ln(line)) over (partition by erlangs order by line)) as term
        from numbered
    ),

    summed as (
        select
            erlangs,
            line,
            term,
            1 + sum(term) over (partition by erlangs order by line) as terms
        from terms
    )

    select
        erlangs,
        cast(min(line) as bigint) as lines
    from summed
    where term <= {{ loss }} * terms
    group by erlangs
{%- endmacro %}
