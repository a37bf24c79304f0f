"""Clocks that disagree: a commit's time is never before its parents', however wrong those are."""

import datetime
import logging
from collections.abc import Callable, Sequence

from catalog.errors import Conflict, ErrorKind
from catalog.hints import Blank, Call, hint
from catalog.model.commit import Commit

LOG = logging.getLogger("catalog.clock")
"""Warns of parents from the future."""

USUAL_SKEW = datetime.timedelta(minutes=5)
"""How far clocks may be apart without a word: as far as Kerberos allows them to be."""

LARGEST_SKEW = datetime.timedelta(days=1)
"""How far a parent may be ahead: beyond a day no time zone explains it, and ``main@{TIME}`` would
miss all later commits until the clocks have caught up."""


def check_clock(
    read: Callable[[str], Commit], parents: Sequence[str], now: datetime.datetime
) -> None:
    """Warns of parents of a commit that are ahead of the clock.

    Args:
        read: Reads a commit.
        parents: The ids of the parents.
        now: What the clock says.

    Raises:
        Conflict: One is so far ahead that somebody's clock must be wrong.
    """
    times = [(read(parent).time, parent) for parent in parents]
    latest, parent_id = max(times, default=(now, ""))
    ahead = latest - now
    if ahead <= USUAL_SKEW:
        return
    when = latest.isoformat(sep=" ", timespec="seconds")
    problem = f"commit {parent_id[:8]} is of {when}, {_length(ahead)} ahead of this machine's clock"
    if ahead > LARGEST_SKEW:
        raise Conflict(
            f"{problem}; nothing was committed",
            kind=ErrorKind.CLOCK_SKEW,
            hint=hint(
                "if this clock is wrong, set it; if that commit's was, move the branch back before "
                "it, and make its changes again: {}",
                Call("reset", (Blank("BRANCH"),), to=f"{parent_id[:8]}~1"),
            ),
        )
    LOG.warning("%s: the new commit gets its time; set the clock that is wrong", problem)


def _length(skew: datetime.timedelta) -> str:
    hours = skew // datetime.timedelta(hours=1)
    if hours >= 48:
        return f"{skew.days:,} days"
    return f"{hours} hours" if hours >= 2 else f"{skew // datetime.timedelta(minutes=1)} minutes"
