{#-
    At the end of a run: what tests that warned or failed have found, a line each, instead of dbt's bare count. Said of tests whose rows have a column
    `message`, and of values that are not in the vendor's list; never of other rows, which could be anything.
-#}

{% macro tell_findings(results) %}
    {% if execute %}
        {% for result in results if result.node.resource_type == 'test' and result.status in ['warn', 'fail'] and result.failures %}
            {% if 'as message' in result.node.raw_code %}
                {% do tell_messages(result) %}
            {% elif result.node.test_metadata and result.node.test_metadata.name == 'accepted_values' and result.node.column_name in ['result', 'reason'] %}
                {% do tell_values(result) %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}


{% macro first_findings(result) %}
    {{ return(run_query('select * from (' ~ result.node.compiled_code ~ ') as findings limit 10').rows) }}
{% endmacro %}


{% macro tell_messages(result) %}
    {% for row in first_findings(result) %}{% do exceptions.warn(printable(row['message'] | string)) %}{% endfor %}
    {% if result.failures > 10 %}{% do exceptions.warn('and ' ~ (result.failures - 10) ~ ' more of ' ~ result.node.name) %}{% endif %}
{% endmacro %}


{#- Control characters spelled out: a message may name a file, and whoever delivers names it. -#}
{% macro printable(text) %}
    {% set characters = [] %}
    {% for character in text %}
        {% do characters.append(character if character.isprintable() else character.encode('unicode_escape').decode()) %}
    {% endfor %}
    {{ return(characters | join) }}
{% endmacro %}


{#- A number or a name in the wrong column is no code, and must not get into logs: of what is not shaped like one only the shape is shown. -#}
{% macro tell_values(result) %}
    {% set values = [] %}
    {% for row in first_findings(result) %}
        {% set value = row['value_field'] | string %}
        {% if not modules.re.fullmatch('[A-Z][A-Z0-9_/]{0,29}', value) %}
            {% set value = modules.re.sub('[^\\W\\d_]', 'a', modules.re.sub('[0-9]', '9', printable(value[:40]))) %}
        {% endif %}
        {% do values.append(value ~ ' (' ~ row['n_records'] ~ (' record)' if row['n_records'] == 1 else ' records)')) %}
    {% endfor %}
    {% do exceptions.warn(
        (result.node.attached_node or result.node.name).split('.')[-1] ~ ', ' ~ result.node.column_name ~ ': '
        ~ values | join(', ') ~ (' and more' if result.failures > 10 else '')
        ~ ': not in the vendor\'s list; what such a value means is said in seeds/outcome_map.csv: add a row and run `cdr build`, or ask for the file again'
    ) %}
{% endmacro %}
