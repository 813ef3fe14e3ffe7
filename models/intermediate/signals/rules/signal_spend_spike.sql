with

spikes as (
    select * from {{ ref('int_signals__spend_spikes') }}
),

settings as (
    {{ signal_settings('spend_spike', []) }}
),

final as (
    select
        'spend_spike' as rule,
        spikes.report_date as signal_date,
        spikes.entity_type,
        spikes.entity,
        cast(null as {{ dbt.type_string() }}) as other_entity,
        spikes.application_key,
        settings.severity,
        cast(spikes.amount_reporting as double) as observed,
        spikes.threshold,
        spikes.baseline,
        spikes.calls,
        spikes.amount_reporting,
        spikes.first_at,
        spikes.last_at
    from spikes
    cross join settings
)

select * from final
