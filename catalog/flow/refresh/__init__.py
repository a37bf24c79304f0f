"""Refreshing derived tables: a step computes one of them, a run computes them in order."""
