{#-
    Personal data in the marts, by the variable pii_mode: `clear`; `hashed`, where equal values stay equal and
    nobody without the secret key can hash all numbers to find one; or `masked`, where a number keeps its head
    and everything else is hidden whole.
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


{#- A text where it is valid JSON, otherwise null. Neither a hash nor a masked text is JSON. -#}
{% macro pii_json(column) -%}
    {%- if var('pii_mode') == 'clear' -%}
        case when {{ is_json(column) }} then {{ column }} end
    {%- else -%}
        cast(null as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}


{#-
    A code, by its kind (macros/cleaning/codes.sql). A text of another shape may be personal data: a number
    or a name in the wrong column. `known` is SQL that is true for other codes.
-#}
{% macro pii_code(column, kind, known='false') -%}
    {%- if var('pii_mode') == 'clear' -%}
        {{ column }}
    {%- else -%}
        case when {{ is_code(column, kind) }} or {{ known }} then {{ column }} else {{ pii(column) }} end
    {%- endif -%}
{%- endmacro %}


{#-
    The key of an application: a GUID, or what the seed applications lists. The seed is read only where
    something is hidden.
-#}
{% macro pii_application(column) -%}
    {%- if var('pii_mode') == 'clear' -%}
        {{ column }}
    {%- else -%}
        {%- set is_listed -%}
            {{ column }} in (select {{ guid('application_key') }} from {{ ref('applications') }})
        {%- endset -%}
        {{ pii_code(column, 'application_key', is_listed) }}
    {%- endif -%}
{%- endmacro %}


{#- An amount; null where its currency is hidden: such amounts cannot be added up. -#}
{% macro pii_amount(column, currency) -%}
    {%- if var('pii_mode') == 'clear' -%}
        {{ column }}
    {%- else -%}
        case when {{ currency }} is null or {{ is_code(currency, 'currency') }} then {{ column }} end
    {%- endif -%}
{%- endmacro %}


{#-
    The name of a file. One of kinds, dates and single groups of at most six digits stays; any other may be
    personal data, since whoever delivers chooses it.
-#}
{% macro pii_file_name(column) -%}
    {%- if var('pii_mode') == 'clear' -%}
        {{ column }}
    {%- else -%}
        case when {{ is_plain_file_name(column) }} then {{ column }} else {{ pii(column) }} end
    {%- endif -%}
{%- endmacro %}


{#- A word or a date must separate groups of digits: without it they could be a number with dashes. -#}
{% macro is_plain_file_name(column) -%}
    {%- set word = '(cdrs?|sinch|calls?|' ~ kinds() | join('|') ~ '|csv|txt)' -%}
    {%- set time = '[tT_-]?([01][0-9]|2[0-3])([-.]?[0-5][0-9]){1,2}[zZ]?' -%}
    {%- set date = '20[1-4][0-9]-?(0[1-9]|1[0-2])-?([0-2][0-9]|3[01])(' ~ time ~ ')?' -%}
    {%- set part = '([0-9]{1,6}[_. -])?(' ~ word ~ '|' ~ date ~ ')' -%}
    {{ matches('lower(' ~ column ~ ')', '^' ~ part ~ '([_. -]' ~ part ~ ')*([_. -][0-9]{1,6})?$') }}
{%- endmacro %}


{#-
    A number without its last four digits; `private` and `anonymous`, which name nobody; any other value is
    hidden whole.
-#}
{% macro masked(text) -%}
    case
        when {{ matches(text, '^[+]?[0-9]{7,15}$') }}
            then concat(substr({{ text }}, 1, length({{ text }}) - 4), '****')
        when lower({{ text }}) in ('private', 'anonymous') then {{ text }}
        when {{ text }} is not null then '****'
    end
{%- endmacro %}


{#-
    SQL of what a model's rows depend on: the mode and, where it is hashed, the secret (as a hash that does
    not help to guess numbers).
-#}
{% macro pii_settings() -%}
    {%- if var('pii_mode') == 'hashed' -%}
        concat('hashed ', {{ sinch_cdr.keyed_hash("'settings'") }})
    {%- else -%}
        '{{ var("pii_mode") }}'
    {%- endif -%}
{%- endmacro %}


{#- Hook at the start of a run: a hash without a key, or with one that can be guessed, protects nothing. -#}
{% macro require_pii_key() %}
    {% if execute and flags.WHICH in ['build', 'run', 'retry'] and var('pii_mode') == 'hashed' %}
        {% set weak %}
            select 'weak' as verdict
            from (select trim({{ pii_key() }}) as secret) as given
            where coalesce(length(secret), 0) < 16 or replace(secret, substr(secret, 1, 1), '') = ''
        {% endset %}
        {% if query_texts(weak) %}
            {% set problem = "its key is missing, shorter than 16 characters or one character repeated" %}
            {% set remedy = "set the environment variable DBT_ENV_SECRET_CDR_PII_KEY" %}
            {{ exceptions.raise_compiler_error("pii_mode is hashed and " ~ problem ~ ": " ~ remedy) }}
        {% endif %}
    {% endif %}
{% endmacro %}
