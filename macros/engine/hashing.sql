{#-
    A bigint that is equal for equal texts: eight bytes to look up instead of a long key. Different texts may
    share one, so callers compare the texts themselves afterwards. The function differs; values are never
    compared across engines.
-#}
{% macro key_hash(text) %}{{ return(adapter.dispatch('key_hash')(text)) }}{% endmacro %}

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
{% macro pii_key() %}{{ return(adapter.dispatch('pii_key')()) }}{% endmacro %}

{% macro duckdb__pii_key() -%}
    getvariable('cdr_pii_key')
{%- endmacro %}

{% macro spark__pii_key() -%}
    {#-
        Spark puts the setting there when it reads the statement; between r" and " every other character means
        itself.
    -#}
    r"${spark.cdr.pii.key}"
{%- endmacro %}


{#-
    A text hashed with the secret, twice: of a hash of key and text alone others could be made for longer
    texts. The name of the function differs.
-#}
{% macro keyed_hash(text) %}{{ return(adapter.dispatch('keyed_hash')(text)) }}{% endmacro %}

{% macro duckdb__keyed_hash(text) -%}
    sha256({{ pii_key() }} || '|' || sha256({{ pii_key() }} || '|' || {{ text }}))
{%- endmacro %}

{% macro spark__keyed_hash(text) -%}
    sha2({{ pii_key() }} || '|' || sha2({{ pii_key() }} || '|' || {{ text }}, 256), 256)
{%- endmacro %}
