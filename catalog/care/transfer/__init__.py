"""Copies of catalogs, whole and kept current: what is missing travels, and refs move last."""
