"""Writing rows from Python into tables."""
