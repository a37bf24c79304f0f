"""Judging what changed in tables by contracts."""
