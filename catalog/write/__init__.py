"""Transactions and snapshots: how data gets into a catalog."""
