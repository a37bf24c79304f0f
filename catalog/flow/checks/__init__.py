"""Checks of tables: what they mean for columns, and how they run on an engine."""
