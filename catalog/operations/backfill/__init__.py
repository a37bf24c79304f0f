"""One backfill from its fix to its merge: ``cat.backfill(…)``."""
