with

settings as (
    select
        rule,
        max(case when setting = 'severity' then value end) as severity,
        {% for setting in ['min_days', 'full_days', 'silent_days', 'short_min_days'] -%}
        max(case when setting = '{{ setting }}' then cast(value as double) end) as {{ setting }},
        {% endfor -%}
        coalesce(max(case when setting = 'enabled' then value end) = 'true', false) as is_enabled
    from {{ ref('signal_rules') }}
    group by rule
),

spikes as (
    select max(short_min_days) as short_min_days
    from settings
    where rule = 'spend_spike'
),

-- Four days of the same type; a week has two weekend days.
needs as (
    select
        settings.rule,
        settings.severity,
        cast(
            case
                when settings.rule = 'new_destination' then settings.full_days
                when settings.rule = 'irsf_like' then settings.silent_days
                when settings.rule in ('spend_spike', 'toll_free_pumping')
                    then 7 * ceil(settings.min_days / 2.0)
                when settings.rule in ('answer_ratio_drop', 'off_hours_share') then 7
                when settings.rule = 'fas_like' then settings.min_days
                else 0
            end as bigint
        ) as days_needed,
        cast(
            case
                when settings.rule = 'new_destination' then settings.min_days
                when settings.rule in ('spend_spike', 'irsf_like') then spikes.short_min_days
                when settings.rule = 'fas_like' then 1
            end as bigint
        ) as short_days_needed,
        settings.is_enabled
    from settings
    cross join spikes
),

newest as (
    select max(report_date) as report_date
    from {{ ref('mart_report_dates') }}
    where is_complete
),

history as (
    select count(distinct daily.report_date) as days_of_history
    from {{ ref('int_signals__applications_daily') }} as daily
    inner join newest
        on
            daily.report_date < newest.report_date
            and {{ days_between('daily.report_date', 'newest.report_date') }} <= {{ signal_history_days() }}
),

final as (
    select
        needs.rule,
        needs.severity,
        case
            when not needs.is_enabled then 'off'
            when history.days_of_history >= needs.days_needed then 'ready'
            when history.days_of_history >= needs.short_days_needed then 'short_history'
            else 'silent'
        end as status,
        history.days_of_history,
        needs.days_needed,
        needs.short_days_needed
    from needs
    cross join history
)

select * from final
