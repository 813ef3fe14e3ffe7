{#-
    Personal data in the marts, by the variable pii_mode: `clear`; `hashed`, keyed by a secret so that nobody can hash all numbers to find one, equal values
    staying equal; or `masked`: a number keeps its head, everything else is hidden whole.
-#}

{% macro pii(column) -%}
    {%- set mode = var('pii_mode') -%}
    {%- if mode == 'clear' -%}
        {{ column }}
    {%- elif mode == 'hashed' -%}
        {{ keyed_hash(column) }}
    {%- elif mode == 'masked' -%}
        {{ masked(column) }}
    {%- else -%}
        {{ exceptions.raise_compiler_error("pii_mode is '" ~ mode ~ "': set it to clear, hashed or masked") }}
    {%- endif -%}
{%- endmacro %}


{#- A text where it is valid JSON, else null; neither a hash nor a masked text is JSON. -#}
{% macro pii_json(column) -%}
    {%- if var('pii_mode') == 'clear' -%}
        case when {{ is_json(column) }} then {{ column }} end
    {%- else -%}
        cast(null as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}


{#-
    A code, which is no personal data, by its kind (macros/cleaning/codes.sql). What is shaped otherwise may be: a number or a name in the wrong column. `known`, as
    SQL, are other codes that are known.
-#}
{% macro pii_code(column, kind, known='false') -%}
    {%- if var('pii_mode') == 'clear' -%}
        {{ column }}
    {%- else -%}
        case when {{ is_code(column, kind) }} or {{ known }} then {{ column }} else {{ pii(column) }} end
    {%- endif -%}
{%- endmacro %}


{#- The key of an application: a GUID, or what seed applications lists. The seed is read only where something is hidden. -#}
{% macro pii_application(column) -%}
    {%- if var('pii_mode') == 'clear' -%}
        {{ column }}
    {%- else -%}
        {%- set listed = column ~ ' in (select ' ~ guid('application_key') ~ ' from ' ~ ref('applications') ~ ')' -%}
        {{ pii_code(column, 'application_key', listed) }}
    {%- endif -%}
{%- endmacro %}


{#- An amount; null where its currency is hidden, since amounts of hidden currencies cannot be added up. -#}
{% macro pii_amount(column, currency) -%}
    {%- if var('pii_mode') == 'clear' -%}
        {{ column }}
    {%- else -%}
        case when {{ currency }} is null or {{ is_code(currency, 'currency') }} then {{ column }} end
    {%- endif -%}
{%- endmacro %}


{#-
    The name of a file, which whoever delivers chooses: a name made of kinds, dates and single groups of at most six digits says nothing about a person and stays;
    any other is personal data.
-#}
{% macro pii_file_name(column) -%}
    {%- if var('pii_mode') == 'clear' -%}
        {{ column }}
    {%- else -%}
        case when {{ is_plain_file_name(column) }} then {{ column }} else {{ pii(column) }} end
    {%- endif -%}
{%- endmacro %}


{#- Two groups of digits in a row could be a number written with dashes, so a word or a date stands between them. -#}
{% macro is_plain_file_name(column) -%}
    {%- set word = '(cdrs?|sinch|calls?|phone_terminated|phone_originated|app_app|sip_terminated|csv|txt)' -%}
    {%- set time = '[tT_-]?([01][0-9]|2[0-3])([-.]?[0-5][0-9]){1,2}[zZ]?' -%}
    {%- set date = '20[1-4][0-9]-?(0[1-9]|1[0-2])-?([0-2][0-9]|3[01])(' ~ time ~ ')?' -%}
    {%- set part = '([0-9]{1,6}[_. -])?(' ~ word ~ '|' ~ date ~ ')' -%}
    {{ matches('lower(' ~ column ~ ')', '^' ~ part ~ '([_. -]' ~ part ~ ')*([_. -][0-9]{1,6})?$') }}
{%- endmacro %}


{#- Of a number and nothing else the last four digits are hidden; `private` and `anonymous` name nobody; any other value is hidden whole. -#}
{% macro masked(text) -%}
    case
        when {{ matches(text, '^[+]?[0-9]{7,15}$') }} then concat(substr({{ text }}, 1, length({{ text }}) - 4), '****')
        when lower({{ text }}) in ('private', 'anonymous') then {{ text }}
        when {{ text }} is not null then '****'
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


{#- At the start of a run: hashed without a key, or with one that can be guessed, would be no protection. -#}
{% macro require_pii_key() %}
    {% if execute and flags.WHICH in ['build', 'run', 'retry'] and var('pii_mode') == 'hashed' %}
        {% set weak %}
            select 'weak' as verdict
            from (select trim({{ pii_key() }}) as secret) as given
            where coalesce(length(secret), 0) < 16 or replace(secret, substr(secret, 1, 1), '') = ''
        {% endset %}
        {% if query_texts(weak) %}
            {{ exceptions.raise_compiler_error(
                "pii_mode is hashed and its key is missing, shorter than 16 characters or one character repeated:"
                ~ " set the environment variable DBT_ENV_SECRET_CDR_PII_KEY"
            ) }}
        {% endif %}
    {% endif %}
{% endmacro %}
