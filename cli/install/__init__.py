"""What is installed beside the packages ``catalog`` and ``cli``: the package ``parquetry``."""
