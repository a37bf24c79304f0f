"""Care of a catalog: what is reachable, what may go, and whether all that must be there is."""
