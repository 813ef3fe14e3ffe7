{{ config(materialized='table') }}

{#- A label has at most so many prefixes and ranges of prefixes. -#}
{%- set places = 24 %}

with

parts as (
    select
        {{ columns_of_group() }},
        digits,
        max(case when zone = 'none' then 1 else 0 end) as is_without_type,
        max(case when zone <> 'none' then 1 else 0 end) as is_of_type
    from {{ ref('int_tariffs__zone_digits') }}
    group by
        {{ columns_of_group() }},
        digits
),

lengths as (
    select {{ each_number(1, 4) }} as length
),

prefixes as (
    select
        {{ columns_of_group(relation='parts') }},
        substr(parts.digits, 1, lengths.length) as prefix,
        max(parts.is_of_type) as is_of_type
    from parts
    cross join lengths
    group by
        {{ columns_of_group(relation='parts') }},
        substr(parts.digits, 1, lengths.length)
),

-- The shortest prefixes without a number of a type; four digits where there is none.
shortest as (
    select distinct
        {{ columns_of_group(relation='parts') }},
        first_value(prefixes.prefix) over (
            partition by {{ columns_of_group(relation='parts') }}, parts.digits
            order by
                prefixes.is_of_type asc,
                case when prefixes.is_of_type = 0 then 1 else -1 end * length(prefixes.prefix) asc
        ) as prefix
    from parts
    inner join prefixes
        on
            {{ same_tariff_group('parts', 'prefixes') }}
            and substr(parts.digits, 1, length(prefixes.prefix)) = prefixes.prefix
    where parts.is_without_type = 1
),

numbered as (
    select
        *,
        cast(prefix as integer) - row_number() over (
            partition by {{ columns_of_group() }}, length(prefix)
            order by prefix
        ) as island
    from shortest
),

spans as (
    select
        {{ columns_of_group() }},
        case when count(*) = 1 then min(prefix) else concat(min(prefix), '–', max(prefix)) end as span,
        row_number() over (partition by {{ columns_of_group() }} order by min(prefix)) as place
    from numbered
    group by
        {{ columns_of_group() }},
        length(prefix),
        island
),

final as (
    select
        {{ columns_of_group() }},
        concat_ws(
            ', ',
            {%- for place in range(1, places + 1) %}
            max(case when place = {{ place }} then span end),
            {%- endfor %}
            max(case when place > {{ places }} then '…' end)
        ) as zone_label
    from spans
    group by {{ columns_of_group() }}
)

select * from final
