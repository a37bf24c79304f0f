"""Numbers, shares, sizes and names as people read them."""

import datetime
from collections.abc import Mapping, Sequence

from catalog.messages import escaped
from catalog.report.clusters import clusters

MARKS = 8
"""Characters for each column that are looked at: a place may hold a letter with its marks."""

ID_DIGITS = 8
"""Digits of an abbreviated commit id: what every command takes back."""


def count(number: int | None) -> str:
    """Returns a count with thousands separators; ``?`` where it was not counted."""
    return "?" if number is None else f"{number:,}"


def arrow_counts(before: int | None, after: int | None) -> str:
    """Returns two counts as ``1,000 → 1,010``, or the one if they are the same."""
    return arrow(count(before), count(after))


def counted(number: int, noun: str) -> str:
    """Returns a count with its noun, in the plural where it belongs."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(texts: Sequence[str], most: int) -> str:
    """Returns the first texts, and how many more there are: ``a, b and 3 more``."""
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more:,} more" if more > 0 else "")


def fitted(texts: Sequence[str], room: int, *, more: bool = True) -> str:
    """Returns as many texts as fit in a number of columns, and how many more there are.

    The first is shown in any case, cut if it must be. Without ``more`` nothing is said of others.
    """
    for most in range(len(texts), 1, -1):
        said = listed(texts, most) if more else ", ".join(texts[:most])
        if columns_of(said) <= room:
            return said
    if not texts or not more:
        return clipped(texts[0], room) if texts else ""
    said = listed(texts, 1)
    return (
        said
        if columns_of(said) <= room
        else clipped(f"{texts[0]}, …" if len(texts) > 1 else texts[0], room)
    )


def files_changed(added: int, removed: int) -> str:
    """Returns how many files came and went: ``1 file added, 2 removed``; empty if none did."""
    parts = []
    if added:
        parts.append(f"{counted(added, 'file')} added")
    if removed:
        noun = "" if parts else " files" if removed != 1 else " file"
        parts.append(f"{removed:,}{noun} removed")
    return ", ".join(parts)


def share(part: int, whole: int) -> str:
    """Returns a share in percent that is 0 or 100 only if it is so exactly."""
    if part == 0:
        return "0 %"
    if part == whole:
        return "100 %"
    percent = 100 * part / whole
    if percent < 0.05:
        return "<0.1 %"
    if percent > 99.95:
        return ">99.9 %"
    return f"{min(max(percent, 0.1), 99.9):.1f} %"


def bar(part: int, whole: int, wide: int) -> str:
    """Returns a share as a bar of at most so many columns; what is not 0 can be seen."""
    if not part or not whole:
        return ""
    eighths = max(round(8 * wide * part / whole), 1)
    full, rest = divmod(min(eighths, 8 * wide), 8)
    return "█" * full + " ▏▎▍▌▋▊▉"[rest].strip()


def size(size_bytes: int) -> str:
    """Returns a size in decimal units."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    amount, units = size_bytes / 1000, ["kB", "MB", "GB", "TB"]
    while amount >= 999.95 and len(units) > 1:
        amount /= 1000
        del units[0]
    return f"{amount:.1f} {units[0]}"


def grouped(number: str) -> str:
    """Returns the text of a number with thousands separators; other text as it is."""
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    whole, dot, rest = digits.partition(".")
    if not (whole.isascii() and whole.isdigit()) or "e" in rest.lower():
        return number
    return f"{sign}{int(whole):,}{dot}{rest}"


def moment(time: datetime.datetime) -> str:
    """Returns a time to the second, in UTC."""
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def exact_moment(time: datetime.datetime) -> str:
    """Returns a time as JSON and CSV carry it: UTC, microseconds, ``Z``."""
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def short(commit_id: str) -> str:
    """Returns an abbreviated commit id."""
    return commit_id[:ID_DIGITS]


def plain(text: str) -> str:
    """Returns text that stays on its line, in its direction, and cannot steer a terminal.

    Emoji that are joined, and letters of scripts that need it, stay as they are.
    """
    return text if text.isprintable() else escaped(text)


def named_values(values: Mapping[str, str | None], between: str = "/") -> str:
    """Returns a partition or key as ``day=2024-01-01/region=NULL``."""
    parts = (f"{name}={'NULL' if value is None else value}" for name, value in values.items())
    return plain(between.join(parts))


def arrow(before: str, after: str) -> str:
    """Returns ``before → after``, or the one where both are the same."""
    return before if before == after else f"{before} → {after}"


def columns_of(text: str) -> int:
    """Returns how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(wide for _, wide in clusters(text))


def clipped(text: str, most: int) -> str:
    """Returns a text cut to a number of columns, with ``…`` where something is missing.

    What is drawn in one place is not cut, unless it is more than anybody can read.
    """
    if text.isascii():
        return text if len(text) <= most else f"{text[: max(most - 1, 0)]}…"
    if 2 * len(text) <= most:  # none takes more than two columns
        return text
    if columns_of(text[: MARKS * most]) <= most and len(text) <= MARKS * most:
        return text
    kept, used = [], 1
    for part, wide in clusters(text[: MARKS * most]):
        used += wide
        if used > most:
            break
        kept.append(part)
    return "".join(kept) + "…"


def line_of(text: str, most: int) -> str:
    """Returns any text as ``plain`` does, cut to a number of columns.

    It is cut before it is escaped: what a text of megabytes costs is what is shown of it.
    """
    return clipped(plain(text[: MARKS * most + 1]), most)


def first_difference(one: str, other: str) -> int:
    """Returns how many characters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def around(one: str, other: str, most: int) -> tuple[str, str]:
    """Returns two texts without what is too far from their first difference to be shown.

    ``…`` stands where something is missing; each is to be cut to ``most`` columns.
    """
    near = MARKS * most
    if max(len(one), len(other)) <= near:
        return one, other
    start = max(first_difference(one, other) - near, 0)
    end = start + 2 * near
    first, second = (
        f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"
        for text in (one, other)
    )
    return first, second


def padded(text: str, wide: int, *, right: bool = False) -> str:
    """Returns a text filled with blanks to a number of columns."""
    blanks = " " * (wide - columns_of(text))
    return blanks + text if right else text + blanks
