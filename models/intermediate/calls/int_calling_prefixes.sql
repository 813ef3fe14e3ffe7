{{ config(materialized='table', tags=['constant']) }}

with

calling_codes as (
    select
        prefix,
        'country_code' as attribute_name,
        country_code as attribute_value,
        length(prefix) as prefix_length
    from {{ ref('calling_codes') }}
),

calling_code_lengths as (
    select
        prefix,
        'lengths' as attribute_name,
        lengths as attribute_value,
        length(prefix) as prefix_length
    from {{ ref('calling_codes') }}
),

number_ranges as (
    select
        prefix,
        'number_type' as attribute_name,
        number_type as attribute_value,
        length(prefix) as prefix_length
    from {{ ref('number_ranges') }}
),

time_zones as (
    select
        prefix,
        'time_zone' as attribute_name,
        time_zone as attribute_value,
        length(prefix) as prefix_length
    from {{ ref('time_zones') }}
),

codes as (
    select
        prefix,
        attribute_name,
        attribute_value,
        prefix_length
    from calling_codes

    union all

    select
        prefix,
        attribute_name,
        attribute_value,
        prefix_length
    from calling_code_lengths

    union all

    select
        prefix,
        attribute_name,
        attribute_value,
        prefix_length
    from number_ranges

    union all

    select
        prefix,
        attribute_name,
        attribute_value,
        prefix_length
    from time_zones
),

digits as (
    {% for digit in range(10) -%}
    select '{{ digit }}' as digit
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Every number has seven digits, and few codes are longer than four: three lookups of fixed length replace a
-- search for the longest code.
four_digits as (
    select concat(first.digit, second.digit, third.digit, fourth.digit) as prefix
    from digits as first
    cross join digits as second
    cross join digits as third
    cross join digits as fourth
),

five_digits as (
    select distinct prefix
    from codes
    where prefix_length = 5
),

long_codes as (
    select distinct substr(prefix, 1, 5) as prefix
    from codes
    where prefix_length > 5
),

seven_digits as (
    select concat(long_codes.prefix, sixth.digit, seventh.digit) as prefix
    from long_codes
    cross join digits as sixth
    cross join digits as seventh
),

candidates as (
    {% for length in range(1, 8) -%}
    select
        numbers.prefix,
        codes.attribute_name,
        codes.attribute_value,
        codes.prefix_length
    from {{ 'four_digits' if length < 5 else 'five_digits' if length == 5 else 'seven_digits' }} as numbers
    inner join codes
        on substr(numbers.prefix, 1, {{ length }}) = codes.prefix
    where codes.prefix_length = {{ length }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

ranked as (
    select
        prefix,
        attribute_name,
        attribute_value,
        row_number() over (partition by prefix, attribute_name order by prefix_length desc) as length_rank
    from candidates
),

final as (
    select
        prefix,
        max(case when attribute_name = 'country_code' then attribute_value end) as country_code,
        max(case when attribute_name = 'number_type' then attribute_value end) as number_type,
        max(case when attribute_name = 'country_code' then {{ calling_code('prefix') }} end) as calling_code,
        max(case when attribute_name = 'lengths' then attribute_value end) as lengths,
        max(case when attribute_name = 'time_zone' then attribute_value end) as time_zone
    from ranked
    where length_rank = 1
    group by prefix
)

select * from final
