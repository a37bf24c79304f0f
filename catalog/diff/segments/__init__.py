"""What changed rows have in common: values of columns of few values that others have not."""
