{#-
    The names of the variable custom_keys: a list of at most five, each a name, or a mapping with `name`, `as`
    (the name in the marts) and `contains_pii`.
-#}
{% macro custom_keys() %}
    {%- set given = var('custom_keys') or [] -%}
    {%- if given is string or given is mapping or given | length > 5 -%}
        {{ exceptions.raise_compiler_error("custom_keys: give a list of at most five names") }}
    {%- endif -%}
    {%- set keys = [] -%}
    {%- for entry in given -%}
        {%- set entry = {'name': entry} if entry is string else entry -%}
        {%- set unknown = entry.keys() | reject('in', ['name', 'as', 'contains_pii']) | list -%}
        {%- if unknown -%}
            {{ exceptions.raise_compiler_error(
                "custom_keys: " ~ unknown[0] ~ " is none of name, as and contains_pii"
            ) }}
        {%- endif -%}
        {%- set key = entry.get('as', entry.name) | string -%}
        {%- set shape = '[A-Za-z0-9_.-]{1,64}' -%}
        {%- for name in [entry.name | string, key] if not modules.re.fullmatch(shape, name) -%}
            {{ exceptions.raise_compiler_error(
                "custom_keys: '" ~ name ~ "' is not a name of letters, digits, _, - and dots"
            ) }}
        {%- endfor -%}
        {%- if key in keys | map(attribute='key') -%}
            {{ exceptions.raise_compiler_error("custom_keys: " ~ key ~ " is there twice") }}
        {%- endif -%}
        {%- do keys.append(
            {'key': key, 'name': entry.name | string, 'contains_pii': entry.get('contains_pii', true)}
        ) -%}
    {%- endfor -%}
    {{ return(keys) }}
{% endmacro %}


{#-
    What a Custom holds under a name, in any case: in a JSON object (a member of the name, or by a path of
    names with dots), otherwise in a header, otherwise in a list of k=v. models/README.md has the table of
    what is read how.
-#}
{% macro custom_text(text, name) -%}
    {%- set path = name.split('.') -%}
    {%- set header = '(^|[\r\n])[ \t]*' ~ any_case(name) ~ '[ \t]*:[ \t]*([^\r\n]*)' -%}
    {%- set pair = '(^|[&,| \t\r\n])' ~ any_case(name) ~ '=([^&,| \t\r\n]*)' -%}
    case
        when {{ text }} is null then null
        when substr({{ text }}, 1, 1) = '{' and {{ is_json(text) }}
            then coalesce(
                {{ json_member(text, [name]) }}
                {{- ',\n' ~ json_member(text, path) if path | length > 1 }}
            )
        else coalesce(
            nullif({{ extract_pattern(text, header, 2) }}, ''),
            {{ undo_percent(extract_pattern(text, pair, 2)) }}
        )
    end
{%- endmacro %}

{#- A pattern of a name in any case. -#}
{% macro any_case(name) -%}
    {%- for character in name -%}
        {%- if character | lower != character | upper -%}
            [{{ character | lower }}{{ character | upper }}]
        {%- elif character == '.' -%}
            [.]
        {%- else -%}
            {{ character }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
