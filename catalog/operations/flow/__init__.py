"""Derived tables of an open catalog: defining them, refreshing them, and which are stale."""
