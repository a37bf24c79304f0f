"""By how much, and in which way, the values of a column changed."""
