"""dbt imports each module whose name begins with dbt_ as a plugin before it parses: in this process, and in
those that tests start, it shares what it has parsed.
"""

from dbt_internals import parse_once

parse_once()
