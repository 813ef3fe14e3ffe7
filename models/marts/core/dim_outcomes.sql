with

outcomes as (
    select * from {{ ref('outcomes') }}
),

final as (
    select
        outcome,
        outcome_side,
        description,
        is_answered,
        is_seizure,
        is_network_effective,
        is_abandoned
    from outcomes
)

select * from final
