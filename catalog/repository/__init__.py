"""Typed reads and writes of stored objects, and the compare-and-swap of branches."""
