-- ner_excl_abandoned subtracts abandoned calls from both sides of ner, so each must be in both.
{{ config(tags=['constant']) }}
select * from {{ ref('outcomes') }}
where is_abandoned and not (is_seizure and is_network_effective)
