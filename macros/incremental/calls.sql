{#-
    What only fact_calls has: a unit is a file's calls of a day, and which of them lost depends on other
    files.
-#}

{#-
    In int_calls__contested: whether both the staging models and int_calls__contenders hold a file's
    records. So every call has one winner, whichever of them is ahead.
-#}
{% macro is_in_both(file_id) -%}
    {%- if not is_building() or model.resource_type == 'unit_test' -%}
        true
    {%- else -%}
        {{ file_id }} in (
            select cast(unit as bigint) from {{ logged(['int_calls__contenders']) }} as contenders
            intersect
            select cast(unit as bigint) from {{ logged(staging_models()) }} as staged
        )
    {%- endif -%}
{%- endmacro %}


{#- What int_calls__contenders would log of the staged files now. -#}
{% macro versions_of_contenders() -%}
    {%- set name = 'int_calls__contenders' -%}
    {%- set rule -%}
        (
            select max(version)
            from {{ sinch_cdr.build_log() }}
            where model = '{{ name }}' and unit = 'all'
        )
    {%- endset -%}
    {{ sinch_cdr.versions(graph.nodes.values() | selectattr('name', 'equalto', name) | first, rule) }}
{%- endmacro %}


{#-
    SQL of its name where it has a file's records in another version than staging, otherwise null: fact_calls
    would mix two rules.
-#}
{% macro contenders_behind() -%}
    (
        select max('int_calls__contenders')
        from {{ sinch_cdr.logged(['int_calls__contenders']) }} as contenders
        inner join ({{ sinch_cdr.versions_of_contenders() }}) as staged
            on contenders.unit = staged.unit
        where contenders.version <> staged.version
    )
{%- endmacro %}


{#-
    The units of fact_calls: a file's staged records of a day, which of them lost, and the day's exchange
    rates.
-#}
{% macro versions_of_calls(rule) -%}
    with

    losers as (
        select
            cast(file_id as {{ dbt.type_string() }}) as unit,
            cast(call_date as {{ dbt.type_string() }}) as part,
            {{ sinch_cdr.fingerprint("cast(source_line as " ~ dbt.type_string() ~ ")") }} as losers
        from {{ ref('int_calls__contested') }}
        where role <> 'winner'
        group by
            file_id,
            call_date
    ),

    rates as (
        select
            day,
            {{ sinch_cdr.fingerprint('content') }} as rates
        from (
            select
                day,
                concat_ws(
                    '|',
                    from_currency,
                    cast(rate_date as {{ dbt.type_string() }}),
                    cast(rate as {{ dbt.type_string() }})
                ) as content
            from {{ ref('int_fx_rates__daily') }}
        ) as contents
        group by day
    ),

    items as (
        select
            {{ sinch_cdr.call_unit('staged.unit', 'staged.part') }} as unit,
            cast(staged.part as date) as call_date,
            concat_ws('|', staged.unit, staged.version, losers.losers) as item
        from {{ sinch_cdr.logged(sinch_cdr.staging_models()) }} as staged
        left join losers
            on staged.unit = losers.unit and staged.part = losers.part
        where
            staged.part <> ''
            and staged.unit in (
                select unit from {{ sinch_cdr.logged(['int_calls__contenders']) }} as contenders
            )
    )

    select
        items.unit,
        md5(concat_ws(
            '|',
            {{ rule }},
            coalesce(max(rates.rates), ''),
            {{ sinch_cdr.fingerprint('items.item') }}
        )) as version
    from items
    left join rates
        on least(items.call_date, (select max(day) from rates)) = rates.day
    group by items.unit
{%- endmacro %}
