"""SQL in the command line: statements, the shell, its prompt."""
