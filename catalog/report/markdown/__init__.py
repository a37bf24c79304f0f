"""A diff as Markdown, for the description of a pull request."""
