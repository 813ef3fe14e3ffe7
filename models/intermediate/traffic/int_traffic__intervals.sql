with

calls as (
    select
        application_key,
        call_type,
        interval_basis,
        duration_seconds,
        called_at,
        answered_at,
        call_date
    from {{ ref('fact_calls') }}
    where is_answered and duration_seconds > 0
),

opened as (
    select
        application_key,
        call_type,
        interval_basis,
        duration_seconds,
        least(duration_seconds, {{ var('longest_call_seconds') }}) as swept_seconds,
        called_at,
        call_date,
        case when interval_basis = 'answer_time' then answered_at else called_at end as opened_at
    from calls
),

final as (
    select
        application_key,
        call_type,
        interval_basis,
        duration_seconds - swept_seconds as cut_seconds,
        call_date,
        called_at as occupied_at,
        opened_at,
        {{ add_seconds('opened_at', 'swept_seconds') }} as closed_at
    from opened
)

select * from final
