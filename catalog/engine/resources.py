"""The memory of the machine, and the share of it that a diff may use."""

import os
from pathlib import Path

SHARE = 4
"""A diff takes a quarter of the memory: the rest is for the process that asked for it."""

_CGROUP = Path("/sys/fs/cgroup/memory.max")


def default_memory_limit() -> int:
    """Returns the default memory limit in bytes: a quarter of the machine's memory."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = int(_CGROUP.read_text())
    except (OSError, ValueError):
        allowed = total
    return min(total, allowed) // SHARE
