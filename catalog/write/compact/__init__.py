"""Small data files put together into larger ones of the same rows."""
