"""Directories of files of any kind: what is known of each file."""
