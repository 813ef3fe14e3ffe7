"""The DuckDB file: connection, raw tables, manifest."""
