"""Derived tables: what a table is computed from, whether it is stale, and refreshing it."""
