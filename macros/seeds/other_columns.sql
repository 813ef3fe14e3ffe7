{#-
    At the start of a run: seeds that an earlier version of the project loaded with other columns are dropped, since
    dbt empties a seed's table and keeps its columns. Every seed lists the types of all of its columns.
-#}
{% macro drop_seeds_with_other_columns() %}
    {% if execute and flags.WHICH in ['build', 'seed'] %}
        {% for id in selected_resources if id in graph.nodes and graph.nodes[id].resource_type == 'seed' %}
            {% set node = graph.nodes[id] %}
            {% set relation = load_relation(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) %}
            {% set expected = node.config.column_types | map('lower') | sort %}
            {% if relation and expected %}
                {% set found = run_query('select * from ' ~ relation ~ ' limit 0').column_names | map('lower') | sort %}
                {% if found != expected %}{% do adapter.drop_relation(relation) %}{% endif %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}
