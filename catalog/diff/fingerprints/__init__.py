"""Fingerprints of data files: what is recorded, what it proves, and how it is computed."""
