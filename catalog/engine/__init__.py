"""Opens DuckDB, and writes versioned tables as SQL."""
