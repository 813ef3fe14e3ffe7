{{ incremental_by_day() }}

{#- So many parts of each level are tried, those with most calls. -#}
{%- set parts = 4 %}

with

levels as (
    {{ levels_of_parts() }}
),

divided as (
    select
        {{ columns_of_group(relation='calls') }},
        levels.level_number,
        {{ part_of_level('levels.level_number') }} as part,
        calls.duration_seconds,
        calls.amount,
        sum(calls.calls) as calls,
        calls.report_date
    from {{ ref('int_tariffs__unexplained') }} as calls
    cross join levels
    where {{ stale('calls.report_date') }}
    group by
        {{ columns_of_group(relation='calls') }},
        levels.level_number,
        {{ part_of_level('levels.level_number') }},
        calls.duration_seconds,
        calls.amount,
        calls.report_date
),

sized as (
    select
        {{ columns_of_group() }},
        level_number,
        part,
        row_number() over (
            partition by report_date, {{ columns_of_group() }}, level_number
            order by sum(calls) desc, part asc
        ) as place,
        report_date
    from divided
    where part is not null
    group by
        {{ columns_of_group() }},
        level_number,
        part,
        report_date
),

calls as (
    select
        {{ columns_of_group(relation='divided') }},
        concat(divided.level_number, ' ', divided.part) as zone,
        divided.duration_seconds,
        divided.amount,
        divided.calls,
        divided.report_date
    from divided
    inner join sized
        on
            divided.report_date = sized.report_date
            and divided.level_number = sized.level_number
            and divided.part = sized.part
            and {{ same_tariff_group('divided', 'sized') }}
    where sized.place <= {{ parts }}
),

{{ most_common_pairs(zones=true, result='pairs', most=60) }},

{{ sampled_tariffs(zones=true, result='tried') }},

final as (
    select
        {{ columns_of_group(zones=true) }},
        increment,
        rounding,
        first_seconds,
        next_seconds,
        fee,
        {{ middle_multiple('low', 'high', 'step') }} as rate,
        unit,
        explained,
        report_date
    from tried
    where
        place = 1
        and explained >= {{ var('rate_min_explained_share') }} * paired_calls
)

select * from final
