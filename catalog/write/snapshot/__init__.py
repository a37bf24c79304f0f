"""Taking the files of a source as the state of a table."""
