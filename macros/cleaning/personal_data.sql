{#-
    Personal data in the marts, by the variable pii_mode: `clear`; `hashed`, keyed by a secret so that nobody can hash all numbers to find one, equal values
    staying equal; or `masked`, last digits hidden. Free text cannot be masked, so it is null then.
-#}

{% macro personal(column, free_text=false) -%}
    {%- set mode = var('pii_mode') -%}
    {%- if mode == 'clear' -%}
        {{ column }}
    {%- elif mode == 'hashed' -%}
        {{ keyed_hash(column) }}
    {%- elif mode == 'masked' and free_text -%}
        cast(null as {{ dbt.type_string() }})
    {%- elif mode == 'masked' -%}
        {{ masked(column) }}
    {%- else -%}
        {{ exceptions.raise_compiler_error("pii_mode is '" ~ mode ~ "': set it to clear, hashed or masked") }}
    {%- endif -%}
{%- endmacro %}


{#- A text where it is valid JSON, else null; neither a hash nor a masked text is JSON. -#}
{% macro personal_json(column) -%}
    {%- if var('pii_mode') == 'clear' -%}
        case when {{ is_json(column) }} then {{ column }} end
    {%- else -%}
        cast(null as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}


{#- The last four digits of every number hidden, and a name before it; of a text without a number, all but two characters. -#}
{% macro masked(text) -%}
    case
        when {{ matches(text, '[0-9]{7,}') }}
            then {{ replace_pattern(replace_pattern(text, '^[^<]*<', '****<'), '([0-9]{3,})[0-9]{4}', '$1****') }}
        when {{ text }} is not null
            then concat(substr({{ text }}, 1, 2), '****')
    end
{%- endmacro %}


{#- What of pii_mode a model's rows depend on, as SQL: the mode and, where it counts, the secret (as a hash that is no use for guessing numbers). -#}
{% macro pii_settings() -%}
    {%- if var('pii_mode') == 'hashed' -%}
        concat('hashed ', {{ keyed_hash("'settings'") }})
    {%- else -%}
        '{{ var("pii_mode") }}'
    {%- endif -%}
{%- endmacro %}


{#- At the start of a run: a keyed hash without a key would be no protection. -#}
{% macro require_pii_key() %}
    {% if execute and flags.WHICH in ['build', 'run', 'retry'] and var('pii_mode') == 'hashed' %}
        {% if query_texts("select 'missing' where coalesce(" ~ pii_key() ~ ", '') = ''") %}
            {{ exceptions.raise_compiler_error(
                "pii_mode is hashed and there is no key: set the environment variable DBT_ENV_SECRET_CDR_PII_KEY"
            ) }}
        {% endif %}
    {% endif %}
{% endmacro %}
