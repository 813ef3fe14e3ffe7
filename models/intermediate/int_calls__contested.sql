{{
    config(
        materialized=losing_rows(),
        incremental_strategy='delete+insert',
        unique_key='key_hash',
        on_schema_change='fail',
        pre_hook=["{{ log_reset() }}", "{{ clear_when_computed_whole() }}"],
        post_hook=[
            "{{ drop_uncontested(staged_files()) }}",
            "{{ log_files(staged_files()) }}",
            "{{ log_settings() }}",
        ],
    )
}}

{%- set changes = changed_files(staged_files()) %}

with

-- Of the whole history only eight bytes a call are read; texts are compared below, for the few keys that
-- occur more than once.
{% if changes.everything %}
contested_keys as (
    select key_hash
    from {{ ref('int_calls__unioned') }}
    where key_hash is not null
    group by key_hash
    having count(*) > 1
),
{% else %}
added_keys as (
    select distinct key_hash
    from {{ ref('int_calls__unioned') }}
    where key_hash is not null and {{ in_list('file_id', changes.added) }}
),

contested_keys as (
    select history.key_hash
    from {{ ref('int_calls__unioned') }} as history
    inner join added_keys
        on history.key_hash = added_keys.key_hash
    group by history.key_hash
    having count(*) > 1
    union
    select key_hash
    from {{ this }}
    where {{ in_list('file_id', changes.removed) }}
),
{% endif %}

candidates as (
    select
        file_id,
        source_line,
        key_hash,
        call_type,
        call_date,
        file_date,
        loaded_at
    from {{ ref('int_calls__unioned') }}
    where key_hash in (select key_hash from contested_keys)
),

records as (
    select * from {{ ref('stg_sinch__records') }}
),

delivered as (
    select
        candidates.file_id,
        candidates.source_line,
        candidates.key_hash,
        {{ clean_text('records.call_id') }} as call_id,
        candidates.call_type,
        records.record_text,
        {%- for field in compared_fields() %}
        records.{{ adapter.quote(field) }},
        {%- endfor %}
        candidates.call_date,
        candidates.file_date,
        candidates.loaded_at
    from candidates
    inner join records
        on candidates.file_id = records.file_id and candidates.source_line = records.source_line
),

ranked as (
    select
        *,
        count(*) over (partition by call_type, call_id) as contenders,
        row_number() over among_equals as rank_among_equals,
        row_number() over of_all as rank_of_all
    from delivered
    window
        of_all as (partition by call_type, call_id order by {{ newest_first() }}),
        among_equals as (partition by call_type, call_id, record_text order by {{ newest_first() }})
),

contested as (
    select
        *,
        case
            when rank_of_all = 1 then 'winner'
            when rank_among_equals > 1 then 'exact_duplicate'
            else 'conflict'
        end as role
    from ranked
    where contenders > 1
),

winners as (
    select * from contested
    where role = 'winner'
),

final as (
    select
        contested.file_id,
        contested.source_line,
        contested.key_hash,
        contested.call_id,
        contested.call_type,
        winners.file_id as winner_file_id,
        winners.source_line as winner_line,
        contested.role,
        case
            when contested.role = 'conflict' then {{ differing_fields('contested', 'winners') }}
        end as differing_fields,
        contested.call_date
    from contested
    inner join winners
        on contested.call_type = winners.call_type and contested.call_id = winners.call_id
)

select * from final
