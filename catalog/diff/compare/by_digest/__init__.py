"""Rows compared by their digests: matched by key, and read in the columns that changed alone."""
