"""The server of ``parquetry serve``: sockets, tokens and HTTP around answers of the catalog."""
