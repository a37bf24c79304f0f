"""Directories of anything taken as file sets: contents by hash, and a row for each file."""
