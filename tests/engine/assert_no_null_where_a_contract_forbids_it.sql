-- DuckDB enforces a contract's `not_null`; Spark's Parquet tables do not. `make generated` writes the list.
{%- set contracted = [
    'call_conflicts',
    'dim_applications',
    'dim_countries',
    'dim_dates',
    'dim_outcomes',
    'dim_user_spaces',
    'fact_calls',
    'mart_busy_hour',
    'mart_cost_by_custom',
    'mart_cost_by_number_type',
    'mart_cost_daily',
    'mart_cost_exceptions',
    'mart_cost_monthly',
    'mart_endpoint_daily',
    'mart_failure_reasons_daily',
    'mart_feed_completeness',
    'mart_feed_findings',
    'mart_feed_invalid_fields',
    'mart_feed_reconciliation',
    'mart_invoice_reconciliation',
    'mart_number_daily',
    'mart_overcharges',
    'mart_quality_by_custom',
    'mart_quality_by_number_type',
    'mart_quality_daily',
    'mart_rate_card_gaps',
    'mart_rate_history',
    'mart_report_dates',
    'mart_rerating_monthly',
    'mart_restatements',
    'mart_signal_rules',
    'mart_signals',
    'mart_traffic_hourly',
    'mart_user_daily',
    'mart_user_spend_daily',
    'rejected_records',
    'stg_sinch__app_app',
    'stg_sinch__phone_originated',
    'stg_sinch__phone_terminated',
    'stg_sinch__sip_terminated',
] %}

with

{% for name in contracted -%}
{%- set table = ref(name) -%}
{%- set node = graph.get('nodes', {}).get('model.sinch_cdr.' ~ name) -%}
{{ name }}__nulls as (
    select
        '{{ name }}' as table_name,
        {%- for column in (node.columns.values() if node else []) if column.constraints %}
        count(case when {{ adapter.quote(column.name) }} is null then 1 end) +
        {%- endfor %} 0 as null_values
    from {{ table }}
    where {{ lately_changed(name) }}
),

{% endfor -%}
unioned as (
    {%- for name in contracted %}
    select
        table_name,
        null_values
    from {{ name }}__nulls
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select *
from unioned
where null_values > 0
