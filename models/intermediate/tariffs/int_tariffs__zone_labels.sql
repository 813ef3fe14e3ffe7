{{ config(materialized='table') }}

{#- A label has at most so many prefixes and countries. -#}
{%- set places = 24 %}

with

days as (
    select
        {{ columns_of_group() }},
        group_number,
        day_zone,
        report_date
    from {{ ref('int_tariffs__runs') }}
    where day_zone is not null
),

-- The parts of all days of a zone, its own and others'.
parts as (
    select
        days.group_number,
        zones.level_number,
        zones.part,
        {{ whole('sum(case when zones.zone = days.day_zone then zones.calls else 0 end)') }} as calls,
        {{ whole('sum(zones.calls)') }} as all_calls
    from days
    inner join {{ ref('int_tariffs__zones') }} as zones
        on
            days.report_date = zones.report_date
            and {{ same_tariff_group('days', 'zones') }}
    group by
        days.group_number,
        zones.level_number,
        zones.part
),

levels as (
    select
        group_number,
        level_number,
        sum(calls) as calls,
        sum(case when calls >= 0.95 * all_calls then calls else 0 end) as own_calls,
        row_number() over (partition by group_number order by sum(calls) desc, level_number asc) as place
    from parts
    group by
        group_number,
        level_number
),

-- At the level of most calls. A zone without parts of its own has no label.
labelled as (
    select
        parts.group_number,
        parts.part,
        {{ matches('parts.part', '^[0-9]+$') }} as is_digits,
        parts.calls >= 0.95 * parts.all_calls as is_own,
        parts.calls,
        parts.all_calls
    from parts
    inner join levels
        on parts.group_number = levels.group_number and parts.level_number = levels.level_number
    where levels.place = 1 and levels.own_calls >= 0.9 * levels.calls
),

lengths as (
    select {{ each_number(1, 4) }} as length
),

-- What is coarser than a part: fewer digits, or its type in callers of all countries.
covers as (
    select
        labelled.*,
        case
            when labelled.is_digits then substr(labelled.part, 1, lengths.length)
            when lengths.length = 1 then {{ extract_pattern('labelled.part', '^(.*) from [A-Z]+$', 1) }}
            else labelled.part
        end as cover
    from labelled
    inner join lengths
        on lengths.length <= length(labelled.part)
),

measured as (
    select
        *,
        sum(calls - 0.95 * all_calls) over (partition by group_number, cover) >= 0
        and max(case when is_own then 0 else all_calls end) over (partition by group_number, cover) < 5
            as covers_no_other
    from covers
    where cover <> ''
),

-- The shortest one without a large part of another zone.
shortest as (
    select
        group_number,
        part,
        cover,
        row_number() over (
            partition by group_number, part
            order by case when cover = part or covers_no_other then 0 else 1 end asc, length(cover) asc
        ) as choice
    from measured
    where is_own
),

distinct_parts as (
    select distinct
        group_number,
        cover as part,
        {{ matches('cover', '^[0-9]+$') }} as is_digits
    from shortest
    where choice = 1
),

numbered as (
    select
        *,
        case
            when is_digits
                then
                    cast(part as integer) - row_number() over (
                        partition by group_number, is_digits, length(part)
                        order by part
                    )
        end as island
    from distinct_parts
),

-- `mobile from NO, SE` names the type once.
spans as (
    select
        group_number,
        case
            when count(*) > 1 then concat(min(part), '–', max(part))
            when
                min(part) like '%from %'
                and row_number() over (
                    partition by group_number, substr(min(part), 1, length(min(part)) - 2)
                    order by min(part)
                ) > 1
                then substr(min(part), length(min(part)) - 1)
            else min(part)
        end as span,
        row_number() over (partition by group_number order by min(part)) as place
    from numbered
    group by
        group_number,
        case when not is_digits then part end,
        length(part),
        island
),

labels as (
    select
        group_number,
        concat_ws(
            ', ',
            {%- for place in range(1, places + 1) %}
            max(case when place = {{ place }} then span end),
            {%- endfor %}
            max(case when place > {{ places }} then '…' end)
        ) as zone_label
    from spans
    group by group_number
),

final as (
    select
        {{ columns_of_group(relation='days') }},
        days.group_number,
        days.day_zone as zone,
        labels.zone_label,
        days.report_date
    from days
    inner join labels
        on days.group_number = labels.group_number
)

select * from final
