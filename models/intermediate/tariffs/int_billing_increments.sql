{{ config(materialized='table', tags=['constant'], post_hook="{{ keep_team_seed('billing_increments') }}") }}

with

billing_increments as (
    select
        increment,
        first_seconds,
        next_seconds
    from {{ seed_rows('billing_increments') }}
),

final as (
    select * from billing_increments
)

select * from final
