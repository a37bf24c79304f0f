"""Limits of statements that a catalog stores."""

from catalog.dataclasses import dataclass
from catalog.errors import InvalidInput

TIME_LIMIT_S = 6 * 3600.0
"""Longer than anybody waits for a table on purpose; what a stranger wrote must end some day."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a statement may take.

    Attributes:
        time_s: Seconds until it is stopped; None is never.
        memory_bytes: Memory of the engine before it spills; None is a quarter of the machine's.
        spill_bytes: Disk space for what does not fit into memory; None is what is free.
        threads: Threads of the engine; None is one for each core.
    """

    time_s: float | None = TIME_LIMIT_S
    memory_bytes: int | None = None
    spill_bytes: int | None = None
    threads: int | None = None


LIMITS = Limits()
"""What holds unless the user says otherwise."""

_LONGEST_S = 1e9
"""Some thirty years, which is never, and less than clocks of threads can count."""


def limited_to(time_s: float | None) -> Limits:
    """Returns the limits with that of time as a user stated it.

    Raises:
        InvalidInput: It is not a number of seconds.
    """
    if time_s is None:
        return Limits(time_s=None)
    number = isinstance(time_s, int | float) and not isinstance(time_s, bool)
    if not number or not time_s > 0:
        raise InvalidInput(f"the time limit must be a number of seconds, not {time_s!r}")
    return Limits(time_s=None if time_s > _LONGEST_S else float(time_s))
