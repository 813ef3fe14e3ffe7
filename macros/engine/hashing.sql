{#-
    A bigint that is equal for equal texts: eight bytes to join on instead of a long key. Different texts may
    share one, so callers compare the texts afterwards. Its values differ between engines.
-#}
{% macro key_hash(text) %}{{ return(adapter.dispatch('key_hash', 'sinch_cdr')(text)) }}{% endmacro %}

{% macro duckdb__key_hash(text) -%}
    cast(md5_number({{ text }}) >> 65 as bigint)
{%- endmacro %}

{% macro spark__key_hash(text) -%}
    xxhash64({{ text }})
{%- endmacro %}


{#-
    The secret of pii_mode hashed, from the environment by way of the profile: never part of compiled SQL,
    logs or the manifest.
-#}
{% macro pii_key() %}{{ return(adapter.dispatch('pii_key', 'sinch_cdr')()) }}{% endmacro %}

{% macro duckdb__pii_key() -%}
    coalesce(getvariable('cdr_pii_key'), '')
{%- endmacro %}

{% macro spark__pii_key() -%}
    {#-
        Spark inserts the setting when it parses the statement. In r"…" no other character is special.
    -#}
    r"${spark.cdr.pii.key}"
{%- endmacro %}


{#-
    A text hashed with the secret, twice: a single hash of key and text could be extended to hashes of longer
    texts without the key.
-#}
{% macro keyed_hash(text) %}{{ return(adapter.dispatch('keyed_hash', 'sinch_cdr')(text)) }}{% endmacro %}

{% macro duckdb__keyed_hash(text) -%}
    sha256({{ sinch_cdr.pii_key() }} || '|' || sha256({{ sinch_cdr.pii_key() }} || '|' || {{ text }}))
{%- endmacro %}

{% macro spark__keyed_hash(text) -%}
    sha2({{ sinch_cdr.pii_key() }} || '|' || sha2({{ sinch_cdr.pii_key() }} || '|' || {{ text }}, 256), 256)
{%- endmacro %}
