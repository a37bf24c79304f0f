"""What changed between two states of a table: planned as values, then counted to the cell."""
