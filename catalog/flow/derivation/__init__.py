"""Which tables are derived from which: definitions, the graph that they form, what is stale."""
