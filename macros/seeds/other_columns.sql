{#-
    At the start of a run: drops seeds that an earlier version of the project loaded with other columns, since
    dbt empties a seed's table and keeps its columns. Every seed lists the types of all of its columns.
-#}
{% macro drop_seeds_with_other_columns() %}
    {% set ids = selected_resources if execute and flags.WHICH in ['build', 'seed'] else [] %}
    {% for id in ids if id in graph.nodes and graph.nodes[id].resource_type == 'seed' %}
        {% set node = graph.nodes[id] %}
        {% set relation = load_relation(
            api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)
        ) %}
        {% set expected = node.config.column_types | map('lower') | sort %}
        {% if relation and expected %}
            {% set found = run_query('select * from ' ~ relation ~ ' limit 0').column_names %}
            {% set has_others = found | map('lower') | sort != expected %}
            {% if has_others %}{% do adapter.drop_relation(relation) %}{% endif %}
        {% endif %}
    {% endfor %}
{% endmacro %}
