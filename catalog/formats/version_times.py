"""Times of versions, as Delta and Iceberg have them: whole milliseconds since 1970."""

import datetime

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
"""The beginning of 1970."""

_MILLISECOND = datetime.timedelta(milliseconds=1)


def moment(milliseconds: int) -> datetime.datetime:
    """Returns the time of a number of milliseconds since 1970.

    Raises:
        OverflowError: No year has it.
    """
    return EPOCH + milliseconds * _MILLISECOND


def milliseconds(time: datetime.datetime) -> int:
    """Returns a time in whole milliseconds since 1970, rounded down; a float would lose some."""
    return (time - EPOCH) // _MILLISECOND


def time_of(text: str) -> datetime.datetime:
    """Returns the time that a text in ISO 8601 says, in UTC unless it says otherwise.

    Raises:
        ValueError: It is not a time.
    """
    time = datetime.datetime.fromisoformat(text)
    return time if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)
