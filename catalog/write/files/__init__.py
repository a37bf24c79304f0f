"""Writing and rewriting data files."""
