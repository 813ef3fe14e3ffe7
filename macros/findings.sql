{#-
    At the end of a run: what tests that warned or failed found, a warning each, beside dbt's bare count. A
    test's meta names what its rows are: `findings: messages` (a column `message`) or `findings: values` (of
    accepted_values). Other rows could hold anything.
-#}

{% macro report_findings(results) %}
    {% for result in results if execute and result.node.resource_type == 'test' and result.failures %}
        {% set findings = result.node.config.meta.get('findings') %}
        {#- dbt 2.0.0a4 has no compiled code here; it prints the count. -#}
        {% if result.status not in ['warn', 'fail'] or not result.node.compiled_code %}
        {% elif findings == 'messages' %}
            {% do report_messages(result) %}
        {% elif findings == 'values' %}
            {% do report_values(result) %}
        {% endif %}
    {% endfor %}
{% endmacro %}


{% macro first_findings(result) %}
    {{ return(run_query('select * from (' ~ result.node.compiled_code ~ ') as findings limit 10').rows) }}
{% endmacro %}


{% macro report_messages(result) %}
    {% for row in first_findings(result) %}
        {% do exceptions.warn(printable(row['message'] | string)) %}
    {% endfor %}
    {% if result.failures > 10 %}
        {% do exceptions.warn('and ' ~ (result.failures - 10) ~ ' more of ' ~ result.node.name) %}
    {% endif %}
{% endmacro %}


{#- Control characters escaped: a message may name a file, and whoever delivers chooses that. -#}
{% macro printable(text) %}
    {% set characters = [] %}
    {% for character in text %}
        {% set is_printable = character.isprintable() %}
        {% do characters.append(character if is_printable else character.encode('unicode_escape').decode()) %}
    {% endfor %}
    {{ return(characters | join) }}
{% endmacro %}


{#- Of a value that is not shaped like a code only the shape: a number or a name must not get into logs. -#}
{% macro report_values(result) %}
    {% set values = [] %}
    {% for row in first_findings(result) %}
        {% set value = row['value_field'] | string %}
        {% if not modules.re.fullmatch('[A-Z][A-Z0-9_/]{0,29}', value) %}
            {% set digits_hidden = modules.re.sub('[0-9]', '9', printable(value[:40])) %}
            {% set value = modules.re.sub('[^\\W\\d_]', 'a', digits_hidden) %}
        {% endif %}
        {% set records = 'record' if row['n_records'] == 1 else 'records' %}
        {% do values.append(value ~ ' (' ~ row['n_records'] ~ ' ' ~ records ~ ')') %}
    {% endfor %}
    {% set place = (result.node.attached_node or result.node.name).split('.')[-1] %}
    {% set place = place ~ ', ' ~ result.node.column_name ~ ': ' %}
    {% set found = values | join(', ') ~ (' and more' if result.failures > 10 else '') %}
    {% set remedy = 'add a row to seeds/outcome_map.csv and run `cdr build`, or ask for the file again' %}
    {% do exceptions.warn(place ~ found ~ ": not in the vendor's list; " ~ remedy) %}
{% endmacro %}
