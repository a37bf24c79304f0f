"""Comparing two places, frames or tables of a catalog, without a catalog of their own."""
