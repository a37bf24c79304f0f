"""The gate of a branch: what a commit to come has to pass before the branch moves to it."""
