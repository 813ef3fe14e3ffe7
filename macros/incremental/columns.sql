{#-
    At the start of a run: tables that an earlier version of the project has made with other columns are dropped, so that their models make them anew, whole. Only
    of models that this run builds, and told by the columns that their YAML describes: every model describes all of its own.
-#}
{% macro drop_tables_with_other_columns() %}
    {% if execute and flags.WHICH in ['build', 'run'] %}
        {% for name in selected_resources if name in graph.nodes and graph.nodes[name].config.materialized == 'incremental' %}
            {% set node = graph.nodes[name] %}
            {% set relation = load_relation(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) %}
            {% if relation and node.columns %}
                {% set found = run_query('select * from ' ~ relation ~ ' limit 0').column_names | map('lower') | sort %}
                {% if found != node.columns | map('lower') | sort %}
                    {% do log(relation.schema ~ '.' ~ relation.identifier ~ ' has other columns than this version of the project: it is made anew', info=true) %}
                    {% do adapter.drop_relation(relation) %}
                {% endif %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}
