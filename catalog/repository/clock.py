"""Clocks that disagree: a commit's time is never before its parents', however wrong those are."""

import datetime
import logging
from collections.abc import Callable, Sequence

from catalog.model.commit import Commit

LOG = logging.getLogger("catalog.clock")
"""Warns of parents from the future."""

USUAL_SKEW = datetime.timedelta(minutes=5)
"""How far clocks may be apart without a word: as far as Kerberos allows them to be."""


Clock = Callable[[], datetime.datetime]


def utc_now() -> datetime.datetime:
    """Returns the time, aware UTC."""
    return datetime.datetime.now(datetime.UTC)


def warn_of_clocks(
    read: Callable[[str], Commit], parents: Sequence[str], now: datetime.datetime
) -> None:
    """Warns of parents of a commit that are ahead of the clock.

    Args:
        read: Reads a commit.
        parents: The ids of the parents.
        now: What the clock says.
    """
    times = [(read(parent).time, parent) for parent in parents]
    latest, parent_id = max(times, default=(now, ""))
    ahead = latest - now
    if ahead <= USUAL_SKEW:
        return
    when = latest.isoformat(sep=" ", timespec="seconds")
    LOG.warning(
        "commit %s is of %s, %s ahead of this machine's clock, and the new commit gets that time: "
        "set the clock that is wrong; if it was that commit's, reset the branch to before it",
        parent_id[:8],
        when,
        _length(ahead),
    )


def _length(skew: datetime.timedelta) -> str:
    hours = skew // datetime.timedelta(hours=1)
    if hours >= 48:
        return f"{skew.days:,} days"
    return f"{hours} hours" if hours >= 2 else f"{skew // datetime.timedelta(minutes=1)} minutes"
