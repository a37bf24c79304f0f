"""Care of an open catalog."""
