{{ config(materialized='table', tags=['constant'], post_hook="{{ keep_team_seed('rate_card') }}") }}

{%- set increment = '^([0-9]{1,7})/([0-9]{1,7})$' %}

with

rate_card as (
    select
        {{ guid('application_key') }} as application_key,
        {{ upper_case('country') }} as country,
        nullif(trim(prefix), '') as prefix,
        nullif(lower(trim(number_type)), '') as number_type,
        nullif(trim(origin_prefix), '') as origin_prefix,
        {{ upper_case('currency') }} as currency,
        increment,
        coalesce(lower(rounding), 'nearest') as rounding,
        rate_per_minute,
        coalesce(connection_fee, 0) as connection_fee,
        unit,
        valid_from
    from {{ seed_rows('rate_card') }}
),

final as (
    select
        application_key,
        country,
        prefix,
        number_type,
        origin_prefix,
        currency,
        increment,
        rounding,
        rate_per_minute,
        cast(connection_fee as decimal(18, 6)) as connection_fee,
        unit,
        cast(nullif({{ extract_pattern('increment', increment, 1) }}, '') as integer) as first_seconds,
        cast(nullif({{ extract_pattern('increment', increment, 2) }}, '') as integer) as next_seconds,
        valid_from,
        lead(valid_from) over (
            partition by application_key, country, prefix, number_type, origin_prefix, currency
            order by valid_from
        ) as next_valid_from
    from rate_card
)

select * from final
