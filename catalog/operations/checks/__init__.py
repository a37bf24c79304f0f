"""Checks of tables: run, listed, added and dropped."""
