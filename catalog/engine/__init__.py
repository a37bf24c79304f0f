"""DuckDB: connections, and scan plans rendered as SQL."""
