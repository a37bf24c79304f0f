"""What a comparison is about at a moment, in words for whoever waits."""

from collections.abc import Callable
from typing import TypeAlias

Phase: TypeAlias = Callable[[str], None]
"""Called with the phase that begins."""

READING = "reading fingerprints"
COMPARING = "comparing"
EXPLAINING = "explaining"


def examples_phase(done: int, total: int) -> str:
    """Returns the phase in which examples of columns are found, one after the other."""
    return f"examples: {done:,} of {total:,} columns"


def unwatched(phase: str) -> None:
    """Takes a phase that nobody waits for."""
