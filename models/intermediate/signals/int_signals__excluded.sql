with

exclusions as (
    select
        rule,
        entity,
        until,
        why
    from {{ ref('signal_exclusions') }}
),

found as (
    select
        rule,
        case when other_entity is null then entity else concat(entity, ' > ', other_entity) end as entity,
        calls,
        amount_reporting,
        signal_date
    from {{ ref('int_signals__found') }}
    where is_excluded
),

final as (
    select
        exclusions.rule,
        exclusions.entity,
        exclusions.why,
        count(found.signal_date) as excluded_signals,
        cast(coalesce(sum(found.calls), 0) as bigint) as calls,
        cast(sum(found.amount_reporting) as decimal(38, 6)) as amount_reporting,
        exclusions.until,
        max(found.signal_date) as last_signal_date
    from exclusions
    left join found
        on
            exclusions.rule = found.rule
            and exclusions.entity = found.entity
            and exclusions.until >= found.signal_date
    group by
        exclusions.rule,
        exclusions.entity,
        exclusions.why,
        exclusions.until
)

select * from final
