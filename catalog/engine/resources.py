"""What the machine has, and what a comparison may take of it."""

import os
from pathlib import Path

SHARE = 4
"""A diff takes one part in so many of the memory: the rest is for whoever asked for it."""

_CGROUP = Path("/sys/fs/cgroup/memory.max")


def default_memory_limit() -> int:
    """Returns the bytes that work takes when it is not told: a quarter of the machine's."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = int(_CGROUP.read_text())
    except (OSError, ValueError):
        allowed = total
    return min(total, allowed) // SHARE
