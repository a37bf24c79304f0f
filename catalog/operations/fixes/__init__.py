"""What a fix is repeated for, and how it runs: each step makes one commit."""
