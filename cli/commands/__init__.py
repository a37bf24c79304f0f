"""The commands, one module for each group of them; heavy libraries load inside them only."""
