"""SQL that a catalog stores: what of it may be run."""
