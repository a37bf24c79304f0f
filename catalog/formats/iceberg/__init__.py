"""Iceberg tables: how they are read, and metadata of theirs over data files that exist already."""
