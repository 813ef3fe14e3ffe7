{#-
    How many days back a signal may depend on: 90 for new_destination, and one for a burst over midnight.
-#}
{% macro signal_history_days() %}{{ return(91) }}{% endmacro %}
