"""Drawings of values for people: a diff as text and as Markdown, and what they are made of."""
