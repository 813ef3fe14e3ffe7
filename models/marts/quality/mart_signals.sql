{{ config(materialized='table') }}

{#- Values that identify a person are shown by pii_mode; countries and known applications identify none. -#}
{%- set personal = "entity_type in ('user', 'caller', 'callee', 'caller_callee')" %}

with

found as (
    select * from {{ ref('int_signals__found') }}
    where not is_excluded
),

shown as (
    select
        *,
        {{ pii_application('application_key') }} as shown_application_key,
        case
            when {{ personal }} then {{ pii('entity') }}
            when entity_type in ('application', 'application_country') then {{ pii_application('entity') }}
            else entity
        end as shown_entity,
        case when {{ personal }} then {{ pii('other_entity') }} else other_entity end as shown_other_entity
    from found
),

named as (
    select
        rule,
        entity_type,
        case
            when shown_other_entity is null then shown_entity
            else concat(shown_entity, ' > ', shown_other_entity)
        end as entity,
        shown_application_key as application_key,
        severity,
        observed,
        threshold,
        baseline,
        calls,
        amount_reporting,
        signal_date,
        first_at,
        last_at
    from shown
),

-- Entities that look equal are one row, as is a user id of several applications.
ranked as (
    select
        *,
        row_number() over (
            partition by rule, signal_date, entity_type, entity
            order by
                observed desc, threshold asc, baseline asc, application_key asc, first_at asc, last_at asc
        ) as place
    from named
),

final as (
    select
        rule,
        signal_date,
        entity_type,
        entity,
        case when min(application_key) = max(application_key) then min(application_key) end
            as application_key,
        max(severity) as severity,
        max(observed) as observed,
        max(case when place = 1 then threshold end) as threshold,
        max(case when place = 1 then baseline end) as baseline,
        cast(sum(calls) as bigint) as calls,
        cast(sum(amount_reporting) as decimal(38, 6)) as amount_reporting,
        min(first_at) as first_at,
        max(last_at) as last_at
    from ranked
    group by
        rule,
        signal_date,
        entity_type,
        entity
)

select * from final
