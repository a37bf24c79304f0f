"""Bytes by path: what every store promises, and the stores."""
