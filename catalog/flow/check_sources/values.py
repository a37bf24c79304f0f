"""Values of files as checks keep them: JSON's, whatever the format of the file has beside."""

import datetime
import math

from catalog.flow.check_sources.entry import Entry


def stored_value(entry: Entry) -> object:
    """Returns a value in the form in which a check keeps it; dates and times become texts.

    Raises:
        InvalidInput: It is not finite, or bytes.
    """
    value = entry.value
    if isinstance(value, dict):
        return {key: stored_value(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [stored_value(inner) for inner in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise entry.invalid("a finite number")
    if value is None or isinstance(value, str | int | float):
        return value
    raise entry.invalid("a text, a number, true or false, or a list of them")
