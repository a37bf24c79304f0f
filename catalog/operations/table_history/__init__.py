"""The past of a table of another format, as commits on a branch of its own."""
