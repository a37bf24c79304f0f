"""Which columns of the tables that SQL reads go into which columns of its result."""
