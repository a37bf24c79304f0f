"""The order of a merged table's columns: that of ours, of theirs if only theirs reordered them.

Columns that the other side has come after their left neighbour there.
"""

from collections.abc import Sequence, Set


def merged_order(
    base: Sequence[int], ours: Sequence[int], theirs: Sequence[int], *, present: Set[int]
) -> list[int]:
    """Returns the columns of the merged table in order.

    Args:
        base: The columns of the base in their order, each given as a number.
        ours: Those of ours.
        theirs: Those of theirs.
        present: Those that the merged table has.
    """
    everywhere = present & set(base) & set(ours) & set(theirs)
    old, first, second = ([n for n in places if n in everywhere] for places in (base, ours, theirs))
    if first == old != second:
        return _inserted([n for n in theirs if n in present], ours, present)
    return _inserted([n for n in ours if n in present], theirs, present)


def _inserted(first: list[int], second: Sequence[int], present: Set[int]) -> list[int]:
    """Puts columns that only the second order has after their left neighbours there.

    What the first order alone has at such a place comes before; columns at the end stay there.
    """
    result, placed, known = list(first), set(first), set(second)
    last = max((at for at, n in enumerate(second) if n in placed), default=-1)
    for at, n in enumerate(second):
        if n not in present or n in placed:
            continue
        place = len(result)
        if at < last:
            left = next((m for m in reversed(second[:at]) if m in placed), None)
            place = 0 if left is None else result.index(left) + 1
            while place < len(result) and result[place] not in known:
                place += 1
        result.insert(place, n)
        placed.add(n)
    return result
