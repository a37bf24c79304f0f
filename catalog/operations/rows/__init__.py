"""The past of single rows: which commits changed them, and what they were before."""
