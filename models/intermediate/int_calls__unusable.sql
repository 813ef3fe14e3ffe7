{{
    config(
        materialized='incremental',
        incremental_strategy=replacing_strategy(),
        partition_by=partition_column('file_id'),
        on_schema_change='fail',
        pre_hook=["{{ log_reset() }}", "{{ remove_files(staged_files()) }}"],
        post_hook=[
            "{{ log_files(staged_files()) }}",
            "{{ log_settings() }}",
        ],
    )
}}

{%- set changes = changed_files(staged_files()) %}
{%- set taken_in = 'true' if changes.everything else in_list('file_id', changes.added) %}

with

unusable as (
    select
        file_id,
        source_line,
        case
            when call_id is null then 'missing_call_id'
            when invalid_fields like '%call_time%' then 'unreadable_call_time'
            else 'missing_call_time'
        end as reason_code
    from {{ ref('int_calls__unioned') }}
    where key_hash is null and {{ taken_in }}
),

records as (
    select
        file_id,
        source_line,
        record_text
    from {{ ref('stg_sinch__records') }}
    where {{ taken_in }} and file_id in (select file_id from unusable)
),

final as (
    select
        unusable.file_id,
        unusable.source_line,
        unusable.reason_code,
        replace(records.record_text, chr(31), ';') as raw
    from unusable
    inner join records
        on unusable.file_id = records.file_id and unusable.source_line = records.source_line
)

select * from final
