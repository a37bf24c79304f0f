"""Copies of tables in other formats, kept current with a branch."""
