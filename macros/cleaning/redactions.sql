{#-
    Records that `cdr subject --erase` has redacted: instead of unknown columns they hold a keyed hash of what
    the record was, and what was derived from its numbers.
-#}

{#- The note of a redacted record, from its unknown columns; null for any other record. -#}
{% macro redaction(extra) -%}
    case when substr({{ extra }}, 1, 12) = '{"_redacted"' then {{ extra }} end
{%- endmacro %}


{#-
    A text of the note: `redacted` (the hash), `origin_country`, `destination_country` or `number_type`; null
    where it has none.
-#}
{% macro kept(redaction, name) -%}
    nullif({{ extract_pattern(redaction, '"_' ~ name ~ '":"([^"]*)"', 1) }}, '')
{%- endmacro %}
