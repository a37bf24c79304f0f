"""Diffs as the command line shows them."""
