"""SQL of users: which tables it reads at which refs, and what DuckDB is given instead."""
