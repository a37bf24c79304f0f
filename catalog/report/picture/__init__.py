"""The parts of the picture of a diff as text."""
