"""Comparing the rows of data files that differ: by position, aligned, or joined."""
