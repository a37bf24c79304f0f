"""Understands the SQL of users: which tables it reads at which refs, and how to splice them."""
