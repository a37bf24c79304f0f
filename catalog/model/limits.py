"""Limits of statements that a catalog stores."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a statement may take; None is no limit of ours.

    Attributes:
        time_s: Seconds until it is stopped.
        memory_bytes: Memory of the engine before it spills; None is a quarter of the machine's.
        spill_bytes: Disk space for what does not fit into memory; None is what is free.
        threads: Threads of the engine; None is one for each core.
    """

    time_s: float | None = None
    memory_bytes: int | None = None
    spill_bytes: int | None = None
    threads: int | None = None
