"""A server that ignores a condition: a good one behind a proxy that takes it away."""

import contextlib
import re
from collections.abc import Iterator

from .proxy import proxied


@contextlib.contextmanager
def lawless(endpoint: str, header: str, *, query: str = "$^") -> Iterator[str]:
    """Yields the address of a server like another, that ignores a header, or part of queries."""
    with proxied(endpoint) as proxy:
        proxy.dropped = header
        proxy.cut_from_query = re.compile(query)
        yield proxy.endpoint
