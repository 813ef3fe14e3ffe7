{#- How many days of each month are missing in the feed of a kind that carries money, as a subquery (month, missing_days). -#}
{% macro missing_feed_days() -%}
    (
        select
            {{ month_of('file_date') }} as month,
            count(distinct file_date) as missing_days
        from {{ ref('mart_feed_completeness') }}
        where status = 'missing' and call_type in ('phone_terminated', 'phone_originated')
        group by {{ month_of('file_date') }}
    )
{%- endmacro %}
