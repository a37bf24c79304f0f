"""Statements of SQL that write tables."""
