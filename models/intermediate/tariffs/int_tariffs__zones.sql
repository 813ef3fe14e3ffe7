{{ incremental_by_day() }}

{#- So many tariffs of parts are tried on a group's calls. -#}
{%- set candidates = 32 %}

with

calls as (
    select * from {{ ref('int_tariffs__unexplained') }}
    where {{ stale('report_date') }}
),

levels as (
    {{ levels_of_parts() }}
),

-- The tariffs of parts, those of most calls first.
supported as (
    select
        {{ columns_of_group() }},
        increment,
        rounding,
        first_seconds,
        next_seconds,
        fee,
        rate,
        unit,
        row_number() over (
            partition by report_date, {{ columns_of_group() }}
            order by sum(explained) desc, increment asc, rounding asc, fee asc, rate asc, unit asc
        ) as candidate,
        report_date
    from {{ ref('int_tariffs__parts') }}
    where {{ stale('report_date') }}
    group by
        {{ columns_of_group() }},
        increment,
        rounding,
        first_seconds,
        next_seconds,
        fee,
        rate,
        unit,
        report_date
),

candidates as (
    select * from supported
    where candidate <= {{ candidates }}
),

pairs as (
    select
        {{ columns_of_group() }},
        duration_seconds,
        amount,
        sum(calls) as calls,
        report_date
    from calls
    group by
        {{ columns_of_group() }},
        duration_seconds,
        amount,
        report_date
),

sizes as (
    select
        {{ columns_of_group() }},
        {{ whole('sum(calls)') }} as group_calls,
        report_date
    from calls
    group by
        {{ columns_of_group() }},
        report_date
),

explained_pairs as (
    select
        {{ columns_of_group(relation='pairs') }},
        candidates.candidate,
        pairs.duration_seconds,
        pairs.amount,
        pairs.calls,
        sum(pairs.calls) over (
            partition by pairs.report_date, {{ columns_of_group(relation='pairs') }}, candidates.candidate
        ) as explained,
        pairs.report_date
    from pairs
    inner join candidates
        on
            pairs.report_date = candidates.report_date
            and {{ same_tariff_group('pairs', 'candidates') }}
    where {{ costs_by('pairs', 'candidates') }}
),

-- Each call belongs to the first tariff that explains it.
first_explained as (
    select
        *,
        row_number() over (
            partition by report_date, {{ columns_of_group() }}, duration_seconds, amount
            order by explained desc, candidate asc
        ) as choice
    from explained_pairs
),

gains as (
    select
        {{ columns_of_group() }},
        candidate,
        sum(calls) as gain,
        report_date
    from first_explained
    where choice = 1
    group by
        {{ columns_of_group() }},
        candidate,
        report_date
),

chosen as (
    select
        candidates.*,
        sizes.group_calls,
        gains.gain
    from candidates
    inner join gains
        on
            candidates.report_date = gains.report_date
            and candidates.candidate = gains.candidate
            and {{ same_tariff_group('candidates', 'gains') }}
    inner join sizes
        on
            candidates.report_date = sizes.report_date
            and {{ same_tariff_group('candidates', 'sizes') }}
    where gains.gain >= 10 and gains.gain >= 0.03 * sizes.group_calls
),

cells as (
    select
        {{ columns_of_group(relation='calls') }},
        calls.number_type,
        calls.digits,
        calls.origin_country,
        chosen.candidate,
        chosen.gain,
        chosen.group_calls,
        sum(calls.calls) as calls,
        sum(case when {{ costs_by('calls', 'chosen') }} then calls.calls else 0 end) as explained,
        calls.report_date
    from calls
    inner join chosen
        on
            calls.report_date = chosen.report_date
            and {{ same_tariff_group('calls', 'chosen') }}
    group by
        {{ columns_of_group(relation='calls') }},
        calls.number_type,
        calls.digits,
        calls.origin_country,
        chosen.candidate,
        chosen.gain,
        chosen.group_calls,
        calls.report_date
),

parts as (
    select
        {{ columns_of_group(relation='cells') }},
        levels.level_number,
        {{ part_of_level('levels.level_number') }} as part,
        cells.candidate,
        cells.gain,
        cells.group_calls,
        {{ whole('sum(cells.calls)') }} as calls,
        {{ whole('sum(cells.calls - cells.explained)') }} as misses,
        cells.report_date
    from cells
    cross join levels
    group by
        {{ columns_of_group(relation='cells') }},
        levels.level_number,
        {{ part_of_level('levels.level_number') }},
        cells.candidate,
        cells.gain,
        cells.group_calls,
        cells.report_date
),

part_tariffs as (
    select
        *,
        row_number() over (
            partition by report_date, {{ columns_of_group() }}, level_number, part
            order by misses asc, gain desc, candidate asc
        ) as choice
    from parts
    where part is not null
),

-- A part fits where one tariff explains nearly all of it.
best as (
    select
        *,
        calls >= 5 as is_large,
        misses <= 0.05 * calls or (misses <= 1 and calls >= 3) as fits
    from part_tariffs
    where choice = 1
),

levels_tried as (
    select
        {{ columns_of_group() }},
        level_number,
        group_calls,
        sum(case when is_large then calls else 0 end) as large_calls,
        sum(case when is_large and fits then calls else 0 end) as fitting_calls,
        sum(case when is_large and fits then 1 else 0 end) as fitting_parts,
        coalesce(
            min(case when is_large and fits then candidate end)
            < max(case when is_large and fits then candidate end),
            false
        ) as has_zones,
        report_date
    from best
    group by
        {{ columns_of_group() }},
        level_number,
        group_calls,
        report_date
),

-- The coarsest level that separates the tariffs, otherwise that of most calls, less a little for each part.
ranked as (
    select
        {{ columns_of_group() }},
        level_number,
        row_number() over (
            partition by report_date, {{ columns_of_group() }}
            order by
                case
                    when
                        has_zones
                        and fitting_calls >= 0.93 * large_calls
                        and large_calls >= 0.8 * group_calls
                        then level_number
                    else 99
                end asc,
                fitting_calls - 0.002 * fitting_parts * group_calls desc,
                level_number asc
        ) as place,
        report_date
    from levels_tried
),

final as (
    select
        {{ columns_of_group(relation='best') }},
        best.level_number,
        best.part,
        case when best.fits then cast(best.candidate as {{ dbt.type_string() }}) end as zone,
        best.calls,
        best.report_date
    from best
    inner join ranked
        on
            best.report_date = ranked.report_date
            and best.level_number = ranked.level_number
            and {{ same_tariff_group('best', 'ranked') }}
    where ranked.place = 1
)

select * from final
