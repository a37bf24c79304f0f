"""Verification of a catalog: whether all that must be there is, and is what was written."""
