"""A server that ignores a condition: a good one behind a proxy that takes the header away."""

import contextlib
from collections.abc import Iterator

from .proxy import proxied


@contextlib.contextmanager
def lawless(endpoint: str, header: str) -> Iterator[str]:
    """Yields the address of a server like another, that ignores a header."""
    with proxied(endpoint) as proxy:
        proxy.dropped = header
        yield proxy.endpoint
