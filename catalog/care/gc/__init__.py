"""Garbage collection: what nothing reachable needs is listed, and goes after a grace."""
