"""dbt imports each module whose name begins with dbt_ as a plugin before it parses: in this process, and in
those that tests start, it shares what it has parsed and compiled, and unit tests start quicker.
"""

from dbt_internals import compile_once, inject_quickly, parse_once

parse_once()
compile_once()
inject_quickly()
