"""Merging refs into branches, and settling the conflicts that a merge leaves."""
