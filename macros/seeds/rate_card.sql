{#-
    The first line of a rate card (line, a text for each column) that can never apply: its country is unknown,
    its prefix is outside of its country, or the numbers of its prefix have another type.
-#}
{% macro rate_card_problem(texts) -%}
    {%- set countries = texts_of_seed(seed_node('countries')) -%}
    {%- set calling_codes = texts_of_seed(seed_node('calling_codes')) -%}
    {%- set number_ranges = texts_of_seed(seed_node('number_ranges')) -%}
    {%- set country = "concat('country: ', chr(39), card.country, chr(39))" -%}
    {%- set prefix = "concat('country, prefix: ', chr(39), card.country, ', ', card.prefix, chr(39))" -%}
    {%- set type -%}
        concat('prefix, number_type: ', chr(39), card.prefix, ', ', card.number_type, chr(39))
    {%- endset -%}
    with

    card as (
        select
            line,
            nullif({{ upper_case('country') }}, '') as country,
            nullif(prefix, '') as prefix,
            nullif(lower(number_type), '') as number_type
        from ({{ texts }}) as texts
    ),

    lengths as (
        select {{ each_number(1, 15) }} as length
    ),

    {{ values_of_prefixes('countries', calling_codes, 'country_code') if calling_codes }}
    {{ values_of_prefixes('types', number_ranges, 'number_type') if number_ranges }}
    problems as (
        {%- if countries %}
        select
            card.line,
            concat({{ country }}, ' is not listed in seeds/countries.csv') as problem
        from card
        where
            card.country is not null
            and card.country not in (select country_code from ({{ countries }}) as countries)
        union all
        {%- endif %}
        {%- if calling_codes %}
        select
            card.line,
            concat({{ prefix }}, ' is a prefix outside of the country') as problem
        from card
        left join countries_of_prefixes as longest
            on card.prefix = longest.prefix
        left join countries_below as below
            on card.prefix = below.prefix and card.country = below.found
        -- A country without a code of its own uses a neighbour's.
        where
            card.country in (select found from countries_listed)
            and card.prefix is not null
            and coalesce(longest.found, '') <> card.country
            and below.found is null
        union all
        {%- endif %}
        {%- if number_ranges %}
        select
            card.line,
            concat({{ type }}, ' is a prefix of numbers of the type ', longest.found) as problem
        from card
        inner join types_of_prefixes as longest
            on card.prefix = longest.prefix
        left join types_below as below
            on card.prefix = below.prefix and card.number_type = below.found
        where longest.found <> card.number_type and below.found is null
        union all
        {%- endif %}
        select
            cast(null as bigint) as line,
            cast(null as {{ dbt.type_string() }}) as problem
    )

    select
        line,
        problem
    from problems
    where problem is not null
    order by line
    limit 1
{%- endmacro %}


{#-
    CTEs that find, for the card's prefixes, the value of a seed's longest prefix (`{name}_of_prefixes`), and
    the values of its longer ones, which hold for some of the numbers (`{name}_below`).
-#}
{% macro values_of_prefixes(name, texts, column) -%}
    {{ name }}_listed as (
        select
            prefix,
            {{ column }} as found
        from ({{ texts }}) as texts
    ),

    {{ name }}_ranked as (
        select
            card.prefix,
            listed.found,
            row_number() over (partition by card.prefix order by lengths.length desc) as place
        from (select distinct prefix from card where prefix is not null) as card
        inner join lengths
            on length(card.prefix) >= lengths.length
        inner join {{ name }}_listed as listed
            on substr(card.prefix, 1, lengths.length) = listed.prefix
    ),

    {{ name }}_of_prefixes as (
        select prefix, found
        from {{ name }}_ranked
        where place = 1
    ),

    {{ name }}_below as (
        select distinct
            substr(listed.prefix, 1, lengths.length) as prefix,
            listed.found
        from {{ name }}_listed as listed
        inner join lengths
            on length(listed.prefix) > lengths.length
    ),
{%- endmacro %}
