"""What is printed: standard output, standard error, and the layout of values."""
