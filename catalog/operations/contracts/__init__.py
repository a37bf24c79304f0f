"""Contracts of an open catalog: judging two commits by them, and keeping them for a branch."""
